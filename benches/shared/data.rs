//! Writes repository metadata in the layout of `createrepo_c`, compressed and hashed on the way.

use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// One file of a repo's metadata while it is written.
pub(crate) struct DataFile {
    kind: &'static str,
    path: PathBuf,
    out: flate2::write::GzEncoder<File>,
    hash: Sha256,
    size: usize,
}

impl DataFile {
    /// Begins `repodata/KIND.xml.gz` of the repo at `folder`.
    pub(crate) fn create(folder: &Path, kind: &'static str) -> anyhow::Result<Self> {
        std::fs::create_dir_all(folder.join("repodata"))?;
        let path = folder.join(format!("repodata/{kind}.xml.gz"));
        let out = flate2::write::GzEncoder::new(File::create(&path)?, flate2::Compression::default());
        Ok(Self { kind, path, out, hash: Sha256::new(), size: 0 })
    }

    /// Adds text.
    pub(crate) fn write(&mut self, text: &str) -> anyhow::Result<()> {
        self.out.write_all(text.as_bytes())?;
        self.hash.update(text);
        self.size += text.len();
        Ok(())
    }

    /// Ends the file; returns what `repomd.xml` says about it, and how many bytes it inflates to.
    pub(crate) fn finish(self) -> anyhow::Result<(String, usize)> {
        self.out.finish()?.sync_all()?;
        let packed = std::fs::read(&self.path)?;
        let record = format!(
            "<data type=\"{kind}\"><checksum type=\"sha256\">{}</checksum><open-checksum type=\"sha256\">{}</open-checksum>\
             <location href=\"repodata/{kind}.xml.gz\"/><timestamp>1700000000</timestamp><size>{}</size><open-size>{}</open-size></data>",
            hex::encode(Sha256::digest(&packed)),
            hex::encode(self.hash.finalize()),
            packed.len(),
            self.size,
            kind = self.kind,
        );
        Ok((record, self.size))
    }
}

/// Writes the `repomd.xml` of the repo at `folder`.
pub(crate) fn write_repomd(folder: &Path, records: &str) -> anyhow::Result<()> {
    let text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<repomd xmlns=\"http://linux.duke.edu/metadata/repo\">\
         <revision>1700000000</revision>{records}</repomd>\n"
    );
    Ok(std::fs::write(folder.join("repodata/repomd.xml"), text)?)
}
