use crate::workspace::Workspace;
use anyhow::{Result, bail};
pub(crate) fn run(_: &Workspace, _: &[String]) -> Result<bool> {
    bail!("not yet")
}
