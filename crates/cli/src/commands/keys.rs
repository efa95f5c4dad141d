//! `alongside keys`: who may call the HTTP API.

use crate::clock;
use crate::show;
use clap::{Args, Subcommand};
use history::{OpenMode, Store};
use serde_json::json;
use service::keys::{KeyFile, KeyKind};
use std::path::Path;

#[derive(Debug, Args)]
pub(crate) struct KeysArgs {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    output: crate::args::Output,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make a key. It is shown once and kept only as a hash.
    Create {
        #[command(flatten)]
        kind: KindArgs,
        /// What it is for.
        #[arg(long, default_value = "")]
        label: String,
    },
    /// All keys, without the keys themselves.
    List,
    /// End a key; a running server follows within a second.
    Revoke { id: String },
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct KindArgs {
    /// For servers: may do everything.
    #[arg(long)]
    secret: bool,
    /// For pages: may send browser events and ask for offers.
    #[arg(long)]
    public: bool,
}

pub(crate) fn run(dir: &Path, args: KeysArgs) -> anyhow::Result<()> {
    // The store first: it is made in a new or an empty folder only.
    let is_new_key = matches!(args.action, Action::Create { .. });
    super::wait(async {
        let store = Store::open(dir, OpenMode::Create).await?;
        if is_new_key {
            // Before the key: should the file ever be lost, the door stays shut.
            store.set_guarded().await?;
        }
        store.close().await;
        Ok(())
    })?;
    let file = KeyFile::in_dir(dir);
    let json = args.output.json;
    match args.action {
        Action::Create { kind, label } => {
            let kind = if kind.public { KeyKind::Public } else { KeyKind::Secret };
            let key = file.create(kind, &label, clock::now())?;
            if json {
                return show::line(json!({
                    "id": key.id, "kind": key.kind.as_str(), "key": key.key,
                    "signing_secret": key.signing_secret,
                }));
            }
            show::line(&key.key)?;
            show::note(format!(
                "{} key {}; this is the only time it is shown",
                key.kind.as_str(),
                key.id
            ));
            if let Some(secret) = key.signing_secret {
                show::note(format!("sign user tokens on your server with: {secret}"));
            }
            Ok(())
        }
        Action::List => {
            let mut table = show::table(&["id", "kind", "for", "made", "revoked"], &[]);
            for key in file.list()? {
                let revoked = key.revoked_at.map_or(String::new(), |at| at.to_string());
                if json {
                    show::line(json!({
                        "id": key.id, "kind": key.kind.as_str(), "label": key.label,
                        "created_at": key.created_at.to_string(), "revoked_at": revoked,
                    }))?;
                }
                let made = key.created_at.to_string();
                let cells = [key.id, key.kind.as_str().into(), key.label, made, revoked];
                show::row(&mut table, &cells);
            }
            if json { Ok(()) } else { show::line(table) }
        }
        Action::Revoke { id } => {
            file.revoke(&id, clock::now())?;
            show::line(format!("key {id} is revoked"))
        }
    }
}
