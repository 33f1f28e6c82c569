//! What the Gate screen shows and where its focus is.

/// A tab of the Gate screen: one side of the evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum GateTab {
    /// What was found.
    #[default]
    Findings,
    /// What production gains and loses.
    Changes,
    /// What a person confirms, and what was waived.
    Checklist,
    /// What production holds now, and what goes out.
    Production,
    /// The checks that looked, and when.
    Checks,
}

impl GateTab {
    /// Every tab, from left to right.
    pub const ALL: [Self; 5] =
        [Self::Findings, Self::Changes, Self::Checklist, Self::Production, Self::Checks];

    /// Returns the focus that is in it.
    pub const fn focus(self) -> GateFocus {
        match self {
            Self::Findings => GateFocus::Findings,
            Self::Changes => GateFocus::Changes,
            Self::Checklist => GateFocus::Checklist,
            Self::Production => GateFocus::Production,
            Self::Checks => GateFocus::Checks,
        }
    }
}

/// What has the focus on the Gate screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum GateFocus {
    /// The way back, where the focus begins.
    #[default]
    Cancel,
    /// The findings.
    Findings,
    /// What production gains and loses.
    Changes,
    /// The checklist.
    Checklist,
    /// What production holds now, and what goes out.
    Production,
    /// The checks that looked.
    Checks,
    /// The phrase.
    Phrase,
}

impl GateFocus {
    /// Every focus, in the order of the tab key.
    pub const ALL: [Self; 7] = [
        Self::Cancel,
        Self::Findings,
        Self::Changes,
        Self::Checklist,
        Self::Production,
        Self::Checks,
        Self::Phrase,
    ];

    /// Returns the tab that it is in; none for what stands below the tabs.
    pub const fn tab(self) -> Option<GateTab> {
        match self {
            Self::Findings => Some(GateTab::Findings),
            Self::Changes => Some(GateTab::Changes),
            Self::Checklist => Some(GateTab::Checklist),
            Self::Production => Some(GateTab::Production),
            Self::Checks => Some(GateTab::Checks),
            Self::Cancel | Self::Phrase => None,
        }
    }
}
