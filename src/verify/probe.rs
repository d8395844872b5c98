//! What a step beside an attach does: it notes what is in a folder, and tells later what has come.
//! It runs inside the jobs, under whatever runner, and reads nothing but the file system.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File, Metadata};
use std::io::{self, BufRead as _, BufReader, BufWriter, Read as _, Write};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::lines::{Key, encoded};

/// Folders of the kernel: nothing is attached there.
const KERNEL: [&str; 3] = ["/proc", "/sys", "/dev"];

/// Variables that name folders in which runners and layers have files of their own.
const OTHERS: [&str; 2] = ["RUNNER_TEMP", "HOLDALL_STORE"];

/// Notes what is in the folder `at`, which may not be there yet, and says that the attach begins.
///
/// # Errors
/// The note cannot be written.
pub fn begin(nonce: &str, key: Key, at: &str, out: &mut dyn Write) -> io::Result<()> {
    let mut note = BufWriter::new(File::create(note(nonce, key))?);
    walk(&folder(at), &skipped(nonce), &mut |path, meta| {
        writeln!(
            note,
            "{} {}",
            encoded(path.as_os_str().as_bytes()),
            state(meta)
        )
    })?;
    note.flush()?;
    out.write_all(key.line(nonce, "begin").as_bytes())
}

/// Tells what is new or other than noted in the folder `at`.
///
/// # Errors
/// The note or a file of the folder cannot be read.
pub fn end(nonce: &str, key: Key, at: &str, out: &mut dyn Write) -> io::Result<()> {
    let path = note(nonce, key);
    let mut before = BTreeMap::new();
    for line in BufReader::new(File::open(&path)?).lines() {
        let line = line?;
        if let Some((path, state)) = line.split_once(' ') {
            before.insert(path.to_owned(), state.to_owned());
        }
    }
    fs::remove_file(&path)?;
    let mut count = 0_usize;
    let mut told = BufWriter::new(out);
    let mut tell = |path: &str, what: &str| {
        count += 1;
        told.write_all(key.line(nonce, &format!("entry:{path}:{what}")).as_bytes())
    };
    let top = folder(at);
    walk(&top, &skipped(nonce), &mut |path, meta| {
        let name = encoded(path.as_os_str().as_bytes());
        match before.remove(&name) {
            Some(state) if state == self::state(meta) => Ok(()),
            _ => tell(&name, &what(&top.join(path), meta)?),
        }
    })?;
    for path in before.keys() {
        tell(path, "gone:-:-")?;
    }
    told.write_all(key.line(nonce, &format!("end:{count}")).as_bytes())?;
    told.flush()
}

/// The file that holds the note between the two steps of a job.
fn note(nonce: &str, key: Key) -> PathBuf {
    std::env::temp_dir().join(format!(
        ".holdall-verify-{nonce}-{}.{}",
        key.step(),
        key.node
    ))
}

/// Returns where a path of a config leads: below home, or from the job's folder.
fn folder(at: &str) -> PathBuf {
    let home = || PathBuf::from(std::env::var_os("HOME").unwrap_or_default());
    match at.strip_prefix('~') {
        Some("") => home(),
        Some(rest) if rest.starts_with('/') => home().join(rest.trim_start_matches('/')),
        _ => PathBuf::from(at),
    }
}

/// Returns the places that are left out, by their real paths, and the start of the notes' names.
fn skipped(nonce: &str) -> (Vec<PathBuf>, String) {
    let own = OTHERS.iter().filter_map(std::env::var_os);
    let own = own.filter_map(|dir| fs::canonicalize(dir).ok());
    let kernel = KERNEL.iter().map(PathBuf::from);
    (
        own.chain(kernel).collect(),
        format!(".holdall-verify-{nonce}-"),
    )
}

/// Goes through all that is below a folder; what cannot be read is left out.
fn walk(
    top: &Path,
    (skipped, notes): &(Vec<PathBuf>, String),
    each: &mut dyn FnMut(&Path, &Metadata) -> io::Result<()>,
) -> io::Result<()> {
    let Ok(real) = fs::canonicalize(top) else {
        return Ok(());
    };
    let mut open = vec![PathBuf::new()];
    while let Some(dir) = open.pop() {
        let here = if dir.as_os_str().is_empty() {
            real.clone()
        } else {
            real.join(&dir)
        };
        for entry in fs::read_dir(here).into_iter().flatten().flatten() {
            let Ok(meta) = entry.metadata() else {
                continue;
            };
            let path = dir.join(entry.file_name());
            let is_note = |name: &OsStr| name.as_bytes().starts_with(notes.as_bytes());
            if skipped.contains(&real.join(&path)) || is_note(&entry.file_name()) {
                continue;
            }
            each(&path, &meta)?;
            if meta.is_dir() {
                open.push(path);
            }
        }
    }
    Ok(())
}

/// Says what an entry is, for telling whether it is still the same. What comes into a folder does
/// not make it another one.
fn state(meta: &Metadata) -> String {
    match meta.is_dir() {
        true => format!("d{:o}", meta.mode()),
        false => format!(
            "{:o}.{}.{}.{}.{}",
            meta.mode(),
            meta.ino(),
            meta.size(),
            meta.ctime(),
            meta.ctime_nsec()
        ),
    }
}

/// Says what an entry is, for comparing it with that of another run.
fn what(path: &Path, meta: &Metadata) -> io::Result<String> {
    let mode = meta.mode() & 0o7777;
    Ok(if meta.is_symlink() {
        let target = fs::read_link(path)?;
        format!("link:-:{}", encoded(target.as_os_str().as_bytes()))
    } else if meta.is_dir() {
        format!("folder:{mode:o}:-")
    } else if meta.is_file() {
        format!("file:{mode:o}:{}", digest(path)?)
    } else {
        format!("special:{mode:o}:-")
    })
}

fn digest(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut state = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        let count = file.read(&mut buffer)?;
        if count == 0 {
            break;
        }
        state.update(&buffer[..count]);
    }
    let mut out = String::new();
    for byte in state.finalize() {
        out.push_str(&format!("{byte:02x}"));
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;
    use crate::verify::{Seen, Trees};

    #[test]
    fn what_has_come_is_told_and_what_was_there_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().to_str().unwrap();
        let put = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        fs::create_dir(folder.path().join("old")).unwrap();
        put("old/kept", "kept");
        put("old/changed", "before");
        put("old/gone", "gone");
        let key = Key::of_step("0.1.2", 3).unwrap();
        let nonce = format!("t{}", std::process::id());
        let mut said = Vec::new();
        begin(&nonce, key, at, &mut said).unwrap();
        put("old/changed", "behind");
        fs::remove_file(folder.path().join("old/gone")).unwrap();
        fs::create_dir(folder.path().join("new")).unwrap();
        symlink("nowhere", folder.path().join("new/link")).unwrap();
        put("new/tool", "x");
        let mode = fs::Permissions::from_mode(0o751);
        fs::set_permissions(folder.path().join("new/tool"), mode).unwrap();
        end(&nonce, key, at, &mut said).unwrap();
        let mut trees = Trees::new(&nonce);
        for line in String::from_utf8(said).unwrap().lines() {
            trees.line(line);
        }
        let Some(Seen::Tree(tree)) = trees.get(key) else {
            panic!("no tree");
        };
        let paths: Vec<&str> = tree.keys().map(String::as_str).collect();
        assert_eq!(
            paths,
            ["new", "new/link", "new/tool", "old/changed", "old/gone"]
        );
        assert_eq!(tree["new/link"], "link:-:nowhere");
        assert_eq!(tree["old/gone"], "gone:-:-");
        assert!(
            tree["new/tool"].starts_with("file:751:2d711642b726"),
            "{tree:?}"
        );
    }
}
