//! Which setting was meant by a name that none has.

use strsim::jaro_winkler;

use super::settings::{Setting, Settings};

/// From here on two names are alike: `max-cal` and `max-call`, not `host` and `port`.
const ALIKE: f64 = 0.85;

/// What is wrong with a name in a group, and which is right.
pub(super) fn of_key(settings: &Settings, group: &str, key: &str) -> String {
    let name = plain(key);
    if let Some(setting) = settings.named(&name) {
        return match setting.group() == group {
            true => format!("unknown key '{key}' in [{group}]: write {name}"),
            false => elsewhere(key, setting),
        };
    }
    let prefixed = format!("{group}-{name}");
    let in_group: Vec<_> = settings.of_group(group).map(|setting| setting.name()).collect();
    let begun = in_group
        .iter()
        .copied()
        .find(|known| known.starts_with(&*prefixed));
    if let Some(right) = begun.or_else(|| nearest(&name, &in_group)) {
        return format!("unknown key '{key}' in [{group}]: write {right}");
    }
    let everywhere: Vec<_> = settings.iter().map(|setting| setting.name()).collect();
    match nearest(&name, &everywhere).and_then(|name| settings.named(name)) {
        Some(other) => format!(
            "unknown key '{key}' in [{group}]: there is {} in [{}]",
            other.name(),
            other.group()
        ),
        None => format!("unknown key '{key}' in [{group}]"),
    }
}

/// The same of a name that stands in no group: of a group, or of a key before the first one.
pub(super) fn of_group(settings: &Settings, name: &str) -> String {
    let groups = settings.groups();
    let groups: Vec<_> = groups.iter().map(String::as_str).collect();
    let name_plain = plain(name);
    if let Some(setting) = settings.named(&name_plain) {
        return elsewhere(name, setting);
    }
    let begun = groups
        .iter()
        .copied()
        .find(|group| group.starts_with(&*name_plain) || name_plain.starts_with(group));
    match begun.or_else(|| nearest(&name_plain, &groups)) {
        Some(right) => format!("unknown group [{name}]: write [{right}]"),
        None => format!("unknown group [{name}]: there are [{}]", groups.join("], [")),
    }
}

/// A setting of another group, or one that stands in none.
fn elsewhere(written: &str, setting: &Setting) -> String {
    match setting.name() == written {
        true => format!("'{written}' belongs in [{}]", setting.group()),
        false => format!(
            "'{written}' belongs in [{}], as {}",
            setting.group(),
            setting.name()
        ),
    }
}

/// As names of flags are written.
fn plain(name: &str) -> String {
    name.trim_start_matches('-')
        .to_lowercase()
        .replace(['_', ' ', '.'], "-")
}

fn nearest<'a>(name: &str, names: &[&'a str]) -> Option<&'a str> {
    let likeness = names.iter().map(|known| (jaro_winkler(name, known), *known));
    let best = likeness.max_by(|(a, _), (b, _)| a.total_cmp(b));
    best.filter(|(likeness, _)| *likeness >= ALIKE)
        .map(|(_, known)| known)
}
