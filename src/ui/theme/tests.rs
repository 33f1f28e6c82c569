//! Themes: inheritance, fallbacks and what every shipped one must have.

use super::*;

fn none(_: &str) -> Option<String> {
    None
}

#[test]
fn every_shipped_theme_loads_and_styles_every_role() {
    for (name, _) in SHIPPED {
        let theme = Theme::load(name, &none).unwrap();
        assert!(!theme.about.is_empty(), "{name} says nothing about itself");
        let missing: Vec<&str> = Role::ALL
            .iter()
            .filter(|role| !theme.styles.contains_key(role))
            .map(|role| role.name())
            .collect();
        assert_eq!(missing, Vec::<&str>::new(), "{name}");
    }
}

#[test]
fn the_shipped_themes_leave_the_background_of_text_to_the_terminal() {
    for (name, _) in SHIPPED {
        let theme = Theme::load(name, &none).unwrap();
        for role in [Role::Text, Role::Muted, Role::Border, Role::Ok, Role::Error, Role::Header] {
            assert!(matches!(theme.style(role).bg, None | Some(Color::Reset)), "{name} {}", role.name());
        }
    }
}

#[test]
fn production_looks_like_nothing_else() {
    for (name, _) in SHIPPED {
        let theme = Theme::load(name, &none).unwrap();
        let block = theme.style(Role::ProductionBlock);
        for role in Role::ALL.iter().filter(|role| **role != Role::ProductionBlock) {
            assert_ne!(theme.style(*role), block, "{name}: {} looks like production", role.name());
        }
    }
}

#[test]
fn no_color_means_no_colour() {
    let (theme, banner) = Theme::choose(Some("light"), true, &none);
    assert_eq!(banner, None);
    for role in Role::ALL {
        let style = theme.style(*role);
        assert_eq!((style.fg, style.bg), (None, None), "{}", role.name());
    }
    let ink = Ink { fg: Some(InkColour::Indexed(1)), bg: Some(InkColour::Rgb(1, 2, 3)), ..Ink::default() };
    assert_eq!(theme.ink(&ink), Style::new().add_modifier(Modifier::REVERSED));
}

#[test]
fn inherits_merges_palette_and_roles() {
    let user = |name: &str| {
        (name == "mine").then(|| {
            "inherits = \"dark\"\n[palette]\ngreen = \"#00ff00\"\n[roles]\nwarn = { fg = \"208\", bold = true }\n".to_owned()
        })
    };
    let theme = Theme::load("mine", &user).unwrap();
    assert_eq!(theme.style(Role::Ok).fg, Some(Color::Rgb(0, 255, 0)));
    assert_eq!(theme.style(Role::Warn).fg, Some(Color::Indexed(208)));
    assert_eq!(theme.style(Role::Error), Theme::shipped("dark").unwrap().style(Role::Error));
}

#[test]
fn a_users_theme_may_build_on_the_shipped_one_of_the_same_name() {
    let user = |name: &str| {
        (name == "dark").then(|| "inherits = \"dark\"\n[roles]\nok = { fg = \"bright-blue\" }\n".to_owned())
    };
    let theme = Theme::load("dark", &user).unwrap();
    assert_eq!(theme.style(Role::Ok).fg, Some(Color::LightBlue));
    assert_eq!(theme.style(Role::Error), Theme::shipped("dark").unwrap().style(Role::Error));
}

#[test]
fn a_cycle_is_found_and_named() {
    let user = |name: &str| match name {
        "a" => Some("inherits = \"b\"".to_owned()),
        "b" => Some("inherits = \"a\"".to_owned()),
        _ => None,
    };
    let error = Theme::load("a", &user).unwrap_err();
    assert_eq!(error.to_string(), "theme `a` inherits from itself: a → b → a");
}

#[test]
fn a_bad_theme_falls_back_and_says_why() {
    let bad = |text: &'static str| move |name: &str| (name == "mine").then(|| text.to_owned());
    let banner = |text: &'static str| Theme::choose(Some("mine"), false, &bad(text)).1.unwrap();
    assert_eq!(
        banner("[roles]\nbordr = { fg = \"red\" }"),
        "theme `mine`: `roles.bordr` is unknown; did you mean `border`?; showing theme dark"
    );
    assert!(
        banner("[roles]\n\nok = { fg = \"grren\" }")
            .starts_with("theme `mine`: `grren` of `roles.ok` is no colour")
    );
    assert!(
        banner("[roles]\n\nok = { fgg = \"green\" }")
            .starts_with("theme `mine`, line 3: unknown field `fgg`")
    );
    let (theme, banner) = Theme::choose(Some("nowhere"), false, &none);
    assert_eq!(theme.name, DEFAULT);
    assert!(banner.unwrap().starts_with("there is no theme `nowhere`; there are dark, light"));
}

#[test]
fn the_background_of_the_terminal_picks_the_default() {
    assert_eq!(Theme::for_background(None), "dark");
    assert_eq!(Theme::for_background(Some("15;0")), "dark");
    assert_eq!(Theme::for_background(Some("0;15")), "light");
    assert_eq!(Theme::for_background(Some("0;default;15")), "light");
}

#[test]
fn log_colours_go_through_the_theme() {
    let light = Theme::shipped("light").unwrap();
    let fg = |index| light.ink(&Ink { fg: Some(InkColour::Indexed(index)), ..Ink::default() }).fg;
    assert_ne!(fg(3), Some(Color::Indexed(3)), "yellow cannot be read on white");
    assert_eq!(fg(200), Some(Color::Indexed(200)));
}
