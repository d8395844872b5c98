//! The address of a store: a folder, or a URL of a kind that is known. Reads it and no more; whether
//! anything is there is found out by going there.

use std::fmt;
use std::path::PathBuf;

/// Where a store is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// A folder of this machine.
    Folder(PathBuf),
    /// A bucket or container, and a prefix in it.
    Object(ObjectUrl),
    /// A repository of an OCI registry.
    Registry(RegistryUrl),
}

/// Whose object store it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Vendor {
    /// `s3://`: Amazon's, and those that speak like it.
    S3,
    /// `gs://`: Google's.
    Google,
    /// `az://`: Microsoft's.
    Azure,
}

/// `s3://bucket/prefix` and the like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectUrl {
    /// Whose store.
    pub vendor: Vendor,
    /// The bucket or container.
    pub bucket: String,
    /// The prefix without slashes at its ends; may be empty.
    pub prefix: String,
}

/// `oci://registry/repository`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryUrl {
    /// Host and port.
    pub registry: String,
    /// The repository, which may hold slashes.
    pub repository: String,
    /// Whether the registry speaks TLS.
    pub tls: bool,
}

/// An address that is none of a store.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct BadUrl {
    /// What is wrong.
    pub message: String,
    /// What would be right.
    pub hint: String,
}

const KNOWN: &str = "a store is a folder, file:///FOLDER, s3://BUCKET/PREFIX, gs://BUCKET/PREFIX, az://CONTAINER/PREFIX or oci://REGISTRY/REPOSITORY";

impl Location {
    /// Reads a folder's path or a store's URL.
    ///
    /// # Errors
    /// The scheme is not known, or the URL names no bucket or repository.
    pub fn parse(text: &str) -> Result<Self, BadUrl> {
        let bad = |message: String, hint: &str| BadUrl {
            message,
            hint: hint.to_owned(),
        };
        let Some((scheme, rest)) = text.split_once("://") else {
            let folder = text.strip_prefix("file:").unwrap_or(text);
            if folder.is_empty() {
                return Err(bad("the store has no name".to_owned(), KNOWN));
            }
            return Ok(Self::Folder(PathBuf::from(folder)));
        };
        let vendor = match scheme {
            "file" if rest.starts_with('/') => return Ok(Self::Folder(PathBuf::from(rest))),
            "file" => {
                return Err(bad(
                    format!("`{text}` names a file on another machine"),
                    "write file:///FOLDER with three slashes",
                ));
            }
            "oci" | "oci+http" => return registry(text, rest, scheme == "oci"),
            "s3" => Vendor::S3,
            "gs" => Vendor::Google,
            "az" => Vendor::Azure,
            _ => return Err(bad(format!("a store of `{scheme}://` is not known"), KNOWN)),
        };
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let prefix = prefix.trim_matches('/');
        let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        if bucket.is_empty() || !bucket.chars().all(plain) {
            return Err(bad(
                format!("`{text}` names no bucket"),
                "write it as SCHEME://BUCKET/PREFIX; endpoint and credentials come from the environment",
            ));
        }
        let odd = |part: &str| matches!(part, "" | "." | "..") || part.contains(char::is_control);
        if !prefix.is_empty() && prefix.split('/').any(odd) || prefix.contains(['?', '#']) {
            return Err(bad(
                format!("`{text}` has a prefix that no store keeps"),
                "a prefix is names with single slashes between them",
            ));
        }
        Ok(Self::Object(ObjectUrl {
            vendor,
            bucket: bucket.to_owned(),
            prefix: prefix.to_owned(),
        }))
    }
}

fn registry(text: &str, rest: &str, tls: bool) -> Result<Location, BadUrl> {
    let bad = |what: &str, hint: &str| BadUrl {
        message: format!("`{text}` {what}"),
        hint: hint.to_owned(),
    };
    let (registry, repository) = rest.split_once('/').unwrap_or((rest, ""));
    let repository = repository.trim_end_matches('/');
    let host = |c: char| c.is_ascii_alphanumeric() || ".-:[]".contains(c);
    if registry.is_empty() || !registry.chars().all(host) {
        return Err(bad(
            "names no registry",
            "write it as oci://REGISTRY/REPOSITORY; credentials come from docker's config.json or the environment",
        ));
    }
    let name = |part: &str| {
        !part.is_empty()
            && part
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c))
            && part.starts_with(|c: char| c.is_ascii_alphanumeric())
            && part.ends_with(|c: char| c.is_ascii_alphanumeric())
    };
    if repository.is_empty() || !repository.split('/').all(name) {
        return Err(bad(
            "names no repository",
            "a repository is lower-case letters and digits, with `.`, `_`, `-` and `/` between them, and no tag",
        ));
    }
    Ok(Location::Registry(RegistryUrl {
        registry: registry.to_owned(),
        repository: repository.to_owned(),
        tls,
    }))
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(path) => write!(f, "{}", path.display()),
            Self::Object(url) => url.fmt(f),
            Self::Registry(url) => url.fmt(f),
        }
    }
}

impl fmt::Display for ObjectUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.vendor {
            Vendor::S3 => "s3",
            Vendor::Google => "gs",
            Vendor::Azure => "az",
        };
        write!(f, "{scheme}://{}", self.bucket)?;
        match self.prefix.is_empty() {
            true => Ok(()),
            false => write!(f, "/{}", self.prefix),
        }
    }
}

impl fmt::Display for RegistryUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "oci" } else { "oci+http" };
        write!(f, "{scheme}://{}/{}", self.registry, self.repository)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_and_written_back() {
        for text in [
            "s3://bucket",
            "s3://bucket/a/b",
            "gs://my.bucket/x",
            "az://container/x%20y",
            "oci://ghcr.io/owner/layers",
            "oci+http://127.0.0.1:5000/layers",
            "oci://[::1]:5000/a/b-c",
        ] {
            assert_eq!(Location::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(
            Location::parse("s3://b/p/").unwrap().to_string(),
            "s3://b/p"
        );
        for folder in ["/a", "file:/a", "file:///a"] {
            assert_eq!(
                Location::parse(folder),
                Ok(Location::Folder(PathBuf::from("/a")))
            );
        }
        assert_eq!(
            Location::parse("file:a/b"),
            Ok(Location::Folder(PathBuf::from("a/b")))
        );
    }

    #[test]
    fn what_is_no_address_of_a_store_is_refused() {
        for text in [
            "",
            "file:",
            "file://host/a",
            "ftp://a/b",
            "s3://",
            "s3:///a",
            "s3://b/a//c",
            "s3://b/../c",
            "s3://b/c?x=1",
            "s3://user@b/c",
            "oci://ghcr.io",
            "oci:///a",
            "oci://ghcr.io/Owner/x",
            "oci://ghcr.io/a:tag",
            "oci://ghcr.io/a//b",
            "oci://u:p@h/a",
        ] {
            assert!(Location::parse(text).is_err(), "{text}");
        }
    }
}
