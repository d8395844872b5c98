//! The tag of a layer in a registry: `<workspace>.<job-hash>.<attempt>.<node>.<seq>`, at most 128
//! characters. The exact names are in the config that the manifest points to.

use crate::layer::{Digest, LayerId};

/// The longest name of a workspace that is written out; what is longer is hashed.
const LONGEST: usize = 64;
/// Hex digits of a hashed name of a workspace.
const WORKSPACE: usize = 32;
/// Hex digits of a hashed name of a job.
const JOB: usize = 20;

/// Returns the part of the tag that names the workspace. Names that a tag cannot hold are hashed
/// and begin with `_`, as no other one does.
pub(super) fn workspace_part(workspace: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    let fits = (1..=LONGEST).contains(&workspace.len())
        && workspace.bytes().all(plain)
        && workspace.as_bytes()[0].is_ascii_alphanumeric();
    match fits {
        true => workspace.to_owned(),
        false => format!("_{}", &Digest::of(workspace.as_bytes()).hex()[..WORKSPACE]),
    }
}

/// Returns a layer's tag.
pub(super) fn tag(workspace: &str, id: &LayerId) -> String {
    format!(
        "{}.{}.{}",
        workspace_part(workspace),
        &Digest::of(id.job.as_bytes()).hex()[..JOB],
        id.ref_name()
    )
}

/// Says whether a tag is one of a layer of this workspace.
pub(super) fn is_of(workspace: &str, tag: &str) -> bool {
    let Some(rest) = tag.strip_prefix(&format!("{}.", workspace_part(workspace))) else {
        return false;
    };
    let Some((job, name)) = rest.split_once('.') else {
        return false;
    };
    job.len() == JOB
        && job
            .bytes()
            .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
        && LayerId::from_ref_name("-", name).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(job: &str) -> LayerId {
        LayerId {
            job: job.to_owned(),
            attempt: u32::MAX,
            node: u32::MAX,
            seq: u32::MAX,
        }
    }

    #[test]
    fn any_name_makes_a_tag_that_a_registry_takes() {
        let workspaces = [
            "default",
            "5034460f-c7ce-4e2a-9d1b-6f1f3b8a0c11",
            "a.b",
            "_a",
            "-a",
            "ä/ö",
            "",
        ];
        let long = "w".repeat(400);
        for workspace in workspaces.iter().copied().chain([long.as_str()]) {
            for job in ["build", "test 1/2", "ä", &"j".repeat(300)] {
                let tag = tag(workspace, &id(job));
                assert!(tag.len() <= 128, "{tag}");
                assert!(
                    tag.bytes()
                        .all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
                );
                assert!(!tag.starts_with(['.', '-']), "{tag}");
                assert!(is_of(workspace, &tag));
                for other in workspaces.iter().filter(|other| **other != workspace) {
                    assert!(!is_of(other, &tag), "{other} {tag}");
                }
            }
        }
    }

    #[test]
    fn foreign_tags_are_none_of_a_layer() {
        for tag in [
            "latest",
            "default",
            "default.1.0.0",
            "default.xyz.1.0.0",
            "default..",
        ] {
            assert!(!is_of("default", tag), "{tag}");
        }
    }
}
