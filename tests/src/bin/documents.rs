//! Writes every GraphQL document that the tools send to a DataHub, as it is sent, into a folder:
//! `documents FOLDER [VERSION]`. With a version (`v1.0.0`, open source) it leaves out those that
//! are not sent to such a DataHub. Programs that check documents against a schema read them there.

use std::{env, fs, path::PathBuf};

use anyhow::Context;
use datahub::{ServerInfo, Version};

fn main() -> anyhow::Result<()> {
    let mut args = env::args().skip(1);
    let folder: PathBuf = args
        .next()
        .context("usage: documents FOLDER [VERSION]")?
        .into();
    let version = args
        .next()
        .map(|text| Version::parse(&text).with_context(|| format!("`{text}` is no version")))
        .transpose()?;
    let server = ServerInfo {
        version,
        cloud: false,
    };
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    for document in mcp::documents().filter(|d| server.has(d.needs())) {
        let path = folder.join(format!("{}.graphql", document.name()));
        fs::write(&path, document.text())
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}
