//! The names of namespaces: one that is declared as it is, or a pattern for those that are made of data.

use std::borrow::Cow;

use crate::event::MAX_NAME;

/// The namespace that every client knows.
pub(crate) const ROOT: &str = "/";

/// A namespace that sockets are in: its name, and what stands in the places of its pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamespaceName {
    name: Cow<'static, str>,
    parameters: Vec<(Box<str>, Box<str>)>,
}

/// Where sockets are that name no namespace.
static ROOT_NAME: NamespaceName = NamespaceName {
    name: Cow::Borrowed(ROOT),
    parameters: Vec::new(),
};

impl NamespaceName {
    /// The root.
    pub fn root() -> &'static Self {
        &ROOT_NAME
    }

    /// One as it is, without parameters.
    #[cfg(feature = "socketioxide")]
    pub(crate) fn plain(name: impl Into<String>) -> Self {
        Self {
            name: Cow::Owned(name.into()),
            parameters: Vec::new(),
        }
    }

    /// The whole name, its slash included.
    pub fn as_str(&self) -> &str {
        &self.name
    }

    /// What stands in the place of this name in the pattern.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let mut named = self.parameters.iter().filter(|(key, _)| **key == *name);
        named.next().map(|(_, value)| &**value)
    }
}

/// Why a text names no namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MalformedNamespace {
    /// It does not begin with a slash.
    #[error("begins with no '/'")]
    NoSlash,
    /// Longer than clients may name.
    #[error("is longer than {MAX_NAME} bytes")]
    TooLong,
    /// A character that ends a name in Socket.IO, or that is not visible.
    #[error("holds a ',', a '?', a blank or a control character")]
    Characters,
    /// A pattern without parameters, or with one that has no name or the name of another.
    #[error(
        "is a pattern, whose parameters stand as {{name}}, each once and one in each part between slashes"
    )]
    Parameters,
}

/// What a namespace may be called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pattern {
    text: Box<str>,
    /// Between its slashes; none where it is a name as it is.
    parts: Option<Vec<Part>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(Box<str>),
    Parameter {
        before: Box<str>,
        name: Box<str>,
        behind: Box<str>,
    },
}

impl Pattern {
    /// The root.
    pub(crate) fn root() -> Self {
        Self {
            text: ROOT.into(),
            parts: None,
        }
    }

    /// A name as it is.
    pub(crate) fn exact(name: &str) -> Result<Self, MalformedNamespace> {
        check(name)?;
        Ok(Self {
            text: name.into(),
            parts: None,
        })
    }

    /// A pattern, `/game/{id}`.
    pub(crate) fn matching(pattern: &str) -> Result<Self, MalformedNamespace> {
        check(pattern)?;
        let parts: Vec<Part> = pattern
            .split('/')
            .skip(1)
            .map(Part::read)
            .collect::<Result<_, _>>()?;
        let mut names: Vec<&str> = parts.iter().filter_map(Part::name).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        match count > 0 && names.len() == count {
            true => Ok(Self {
                text: pattern.into(),
                parts: Some(parts),
            }),
            false => Err(MalformedNamespace::Parameters),
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it is one name.
    pub(crate) fn is_exact(&self) -> bool {
        self.parts.is_none()
    }

    /// The namespace of this name, where it is one of these.
    pub(crate) fn find(&self, name: &str) -> Option<NamespaceName> {
        let Some(parts) = &self.parts else {
            return (*self.text == *name).then(|| NamespaceName {
                name: Cow::Owned(name.to_owned()),
                parameters: Vec::new(),
            });
        };
        check(name).ok()?;
        let mut found = name.split('/').skip(1);
        let mut parameters = Vec::new();
        for part in parts {
            if let Some((name, value)) = part.find(found.next()?)? {
                parameters.push((name.into(), value.into()));
            }
        }
        found.next().is_none().then(|| NamespaceName {
            name: Cow::Owned(name.to_owned()),
            parameters,
        })
    }

    /// Whether one name may be both of these patterns.
    pub(crate) fn overlaps(&self, other: &Self) -> bool {
        match (&self.parts, &other.parts) {
            (None, None) => self.text == other.text,
            // A name goes before a pattern.
            (None, Some(_)) | (Some(_), None) => false,
            (Some(ours), Some(theirs)) => {
                ours.len() == theirs.len() && ours.iter().zip(theirs).all(|(one, other)| one.overlaps(other))
            }
        }
    }
}

impl Part {
    fn read(text: &str) -> Result<Self, MalformedNamespace> {
        let Some((before, rest)) = text.split_once('{') else {
            return match text.contains('}') {
                true => Err(MalformedNamespace::Parameters),
                false => Ok(Self::Text(text.into())),
            };
        };
        let (name, behind) = rest.split_once('}').ok_or(MalformedNamespace::Parameters)?;
        let is_name = !name.is_empty()
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let is_alone = !before.contains('}') && !behind.contains(['{', '}']);
        match is_name && is_alone {
            true => Ok(Self::Parameter {
                before: before.into(),
                name: name.into(),
                behind: behind.into(),
            }),
            false => Err(MalformedNamespace::Parameters),
        }
    }

    fn name(&self) -> Option<&str> {
        match self {
            Self::Text(_) => None,
            Self::Parameter { name, .. } => Some(name),
        }
    }

    /// What stands in its place; `None` where this does not fit.
    fn find<'a>(&'a self, text: &'a str) -> Option<Option<(&'a str, &'a str)>> {
        match self {
            Self::Text(own) => (**own == *text).then_some(None),
            Self::Parameter { before, name, behind } => {
                let value = text.strip_prefix(&**before)?.strip_suffix(&**behind)?;
                (!value.is_empty()).then_some(Some((&**name, value)))
            }
        }
    }

    fn overlaps(&self, other: &Self) -> bool {
        let begin_alike = |one: &str, other: &str| one.starts_with(other) || other.starts_with(one);
        let end_alike = |one: &str, other: &str| one.ends_with(other) || other.ends_with(one);
        match (self, other) {
            (Self::Text(one), Self::Text(other)) => one == other,
            (Self::Text(text), pattern) | (pattern, Self::Text(text)) => pattern.find(text).is_some(),
            (
                Self::Parameter { before, behind, .. },
                Self::Parameter {
                    before: other_before,
                    behind: other_behind,
                    ..
                },
            ) => begin_alike(before, other_before) && end_alike(behind, other_behind),
        }
    }
}

fn check(name: &str) -> Result<(), MalformedNamespace> {
    if !name.starts_with('/') {
        return Err(MalformedNamespace::NoSlash);
    }
    if name.len() > MAX_NAME {
        return Err(MalformedNamespace::TooLong);
    }
    let is_wrong =
        |letter: char| letter == ',' || letter == '?' || letter.is_whitespace() || letter.is_control();
    match name.contains(is_wrong) {
        true => Err(MalformedNamespace::Characters),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> Pattern {
        Pattern::matching(text).unwrap()
    }

    #[test]
    fn a_pattern_gives_what_stands_in_its_places() {
        let found = pattern("/game/{id}/v{version}.x").find("/game/7/v12.x").unwrap();
        assert_eq!(found.as_str(), "/game/7/v12.x");
        assert_eq!(found.parameter("id"), Some("7"));
        assert_eq!(found.parameter("version"), Some("12"));
        assert_eq!(found.parameter("other"), None);
        for other in [
            "/game/7",
            "/game//v1.x",
            "/game/7/v.x",
            "/game/7/v1.x/",
            "/games/7/v1.x",
            "game/7/v1.x",
        ] {
            assert_eq!(pattern("/game/{id}/v{version}.x").find(other), None, "{other}");
        }
        let long = format!("/game/{}", "x".repeat(MAX_NAME));
        assert_eq!(pattern("/game/{id}").find(&long), None);
        assert_eq!(
            Pattern::exact("/{id}").unwrap().find("/7"),
            None,
            "a name as it is"
        );
    }

    #[test]
    fn what_names_no_namespace_is_told_why() {
        use MalformedNamespace::{Characters, NoSlash, Parameters, TooLong};
        for (name, problem) in [
            ("chat", NoSlash),
            ("", NoSlash),
            ("/a,b", Characters),
            ("/a?b", Characters),
            ("/a b", Characters),
        ] {
            assert_eq!(Pattern::exact(name), Err(problem), "{name}");
        }
        assert_eq!(Pattern::exact(&"/x".repeat(MAX_NAME)), Err(TooLong));
        for name in [
            "/game", "/{}", "/{a", "/a}", "/{a}{b}", "/{a}/{a}", "/{a-b}", "/}{a}",
        ] {
            assert_eq!(Pattern::matching(name), Err(Parameters), "{name}");
        }
    }

    #[test]
    fn patterns_overlap_where_one_name_is_both() {
        for (one, other, overlap) in [
            ("/game/{id}", "/game/{name}", true),
            ("/game/{id}", "/{kind}/7", true),
            ("/game/{id}", "/room/{id}", false),
            ("/game/{id}", "/game/{id}/{turn}", false),
            ("/v{a}", "/w{a}", false),
            ("/v{a}", "/v1{a}", true),
            ("/{a}.x", "/{a}.y", false),
        ] {
            assert_eq!(pattern(one).overlaps(&pattern(other)), overlap, "{one} {other}");
            assert_eq!(pattern(other).overlaps(&pattern(one)), overlap, "{other} {one}");
        }
    }
}
