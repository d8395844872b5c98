//! Where a path of a config lies, as far as the text tells (circleci-semantics §3): below `/`,
//! below the home directory, or below a start directory that nothing names. Two places are
//! compared only where they are below the same one.

use std::fmt;

/// What a place is below.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Space {
    /// `/`.
    Root,
    /// The home directory of the job's user, `~`.
    Home,
    /// The directory in which the agent starts: where a relative `working_directory` counts from.
    Start,
}

/// A place: a space and the names below it, `.` and `..` resolved.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Place {
    /// What the names are below.
    pub space: Space,
    /// The names.
    pub parts: Vec<String>,
}

impl Place {
    /// Reads a job's `working_directory`.
    #[must_use]
    pub fn of_working_directory(text: &str) -> Self {
        let start = Self {
            space: Space::Start,
            parts: Vec::new(),
        };
        start.join(text)
    }

    /// Reads a path that is absolute, below `~`, or relative to this place.
    #[must_use]
    pub fn join(&self, path: &str) -> Self {
        let (mut place, rest) = if let Some(rest) = path.strip_prefix('/') {
            (Self::new(Space::Root), rest)
        } else if path == "~" {
            (Self::new(Space::Home), "")
        } else if let Some(rest) = path.strip_prefix("~/") {
            (Self::new(Space::Home), rest)
        } else {
            (self.clone(), path)
        };
        for part in rest.split('/') {
            match part {
                "" | "." => {}
                ".." => {
                    if place.parts.pop().is_none() && place.space != Space::Root {
                        // Above a space that is not known further: kept as it is written.
                        place.parts.push("..".to_owned());
                    }
                }
                name => place.parts.push(name.to_owned()),
            }
        }
        place
    }

    fn new(space: Space) -> Self {
        Self {
            space,
            parts: Vec::new(),
        }
    }

    /// Returns the names from this place down to another; nothing where it is not below.
    #[must_use]
    pub fn to_below<'p>(&self, other: &'p Self) -> Option<&'p [String]> {
        (self.space == other.space && other.parts.starts_with(&self.parts))
            .then(|| &other.parts[self.parts.len()..])
    }

    /// Returns the last name, if there is one.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.parts.last().map(String::as_str)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let prefix = match self.space {
            Space::Root => "/",
            Space::Home if self.parts.is_empty() => "~",
            Space::Home => "~/",
            Space::Start if self.parts.is_empty() => ".",
            Space::Start => "./",
        };
        write!(f, "{prefix}{}", self.parts.join("/"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relative_paths_count_from_the_working_directory() {
        let wd = Place::of_working_directory("/tmp");
        assert_eq!(
            wd.join("workspace"),
            Place::of_working_directory("/tmp/workspace/.")
        );
        assert_eq!(wd.join("./a/../b").to_string(), "/tmp/b");
        assert_eq!(wd.join("~/x").to_string(), "~/x");
        assert_eq!(wd.join("../../..").to_string(), "/");
    }

    #[test]
    fn places_in_different_spaces_are_not_compared() {
        let home = Place::of_working_directory("~/project");
        let root = Place::of_working_directory("/root/project");
        assert_eq!(home.to_below(&root), None);
        assert_eq!(
            home.to_below(&home.join("dist/x")).map(<[String]>::len),
            Some(2)
        );
    }
}
