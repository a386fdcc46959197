//! `settings`.

use serde::Serialize;

use super::exit::{Exit, Failure};
use super::port::Port;
use super::print::Out;
use super::table::{Column, Table};
use crate::engine::{Command, Reply, SettingView};

/// A setting for programs.
#[derive(Debug, Serialize)]
struct Setting<'a> {
    key: &'a str,
    value: &'a str,
    about: &'a str,
}

impl<'a> From<&'a SettingView> for Setting<'a> {
    fn from(SettingView { key, value, about }: &'a SettingView) -> Self {
        Self { key, value, about }
    }
}

/// Lists all settings, prints one, or changes one and prints what it is now.
pub(super) async fn settings(
    port: &Port,
    key: Option<&str>,
    value: &[String],
    out: &mut Out<'_>,
) -> Result<Exit, Failure> {
    if let Some(key) = key.filter(|_| !value.is_empty()) {
        port.request(Command::Set(key.to_owned(), value.join(" "))).await?;
    }
    let all = all(port).await?;
    match key {
        Some(key) => {
            let setting = find(&all, key)?;
            if out.is_json() {
                out.json(&Setting::from(setting))?;
            } else {
                out.line(&setting.value)?;
            }
        }
        None if out.is_json() => out.json(&all.iter().map(Setting::from).collect::<Vec<_>>())?,
        None => {
            let mut table = Table::new(&[Column::Left; 3]);
            table.row(["SETTING", "VALUE", "WHAT IT IS FOR"].map(String::from));
            for SettingView { key, value, about } in all {
                table.row([key, value, about]);
            }
            table.print(out)?;
        }
    }
    Ok(Exit::Done)
}

/// All settings, as the engine has them.
pub(super) async fn all(port: &Port) -> Result<Vec<SettingView>, Failure> {
    match port.request(Command::Settings).await? {
        Reply::Settings(all) => Ok(all),
        _ => Err(super::nonsense()),
    }
}

/// The setting of that name, written as freely as where one is changed.
fn find<'a>(all: &'a [SettingView], key: &str) -> Result<&'a SettingView, Failure> {
    let plain = key.trim().to_ascii_lowercase().replace('-', "_");
    all.iter().find(|setting| setting.key == plain).ok_or_else(|| {
        let similar = |setting: &SettingView| strsim::jaro_winkler(&plain, &setting.key);
        let nearest = all.iter().max_by(|one, other| similar(one).total_cmp(&similar(other)));
        Failure::usage(format!(
            "There is no setting “{key}”: the nearest name is {}. You can see all of them with “meanwhile settings”.",
            nearest.map_or("", |setting| &setting.key)
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_as_people_write_them() {
        let setting = |key: &str| SettingView { key: key.into(), value: "1".into(), about: "It.".into() };
        let all = [setting("slow"), setting("slow_bps"), setting("notify")];
        for text in ["slow_bps", "slow-bps", " Slow-Bps "] {
            assert_eq!(find(&all, text), Ok(&all[1]), "{text}");
        }
        let Err(Failure::Said(Exit::Usage, sentence)) = find(&all, "slo_bps") else { panic!("found") };
        assert!(sentence.contains("“slo_bps”: the nearest name is slow_bps."), "{sentence}");
    }
}
