//! Holdall's own program inside of any image. What it needs of this machine's libraries comes
//! along with their loader, so that the image may have another C library, an older one or none.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, Read as _};
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::client::mount;
use crate::run::error::RunError;

/// Where it is seen inside.
const INSIDE: &str = "/.holdall/holdall";
/// Where its libraries are seen inside.
const LIBRARIES: &str = "/.holdall/lib";
/// The segment of an ELF file that names its loader.
const PT_INTERP: u64 = 3;

/// The program, ready to be started in a container.
#[derive(Debug)]
pub(super) struct Program {
    /// The mounts that it needs.
    pub(super) mounts: Vec<OsString>,
    /// What is started.
    pub(super) entrypoint: String,
    /// What comes before the arguments.
    pub(super) words: Vec<String>,
    /// Where it lies on this machine.
    path: PathBuf,
    /// A script that starts it, for steps that call it by that path.
    script: Option<PathBuf>,
}

impl Program {
    /// Takes a program of this machine; copies of its libraries go to `dir`.
    pub(super) fn of(program: &Path, dir: &Path) -> Result<Self, RunError> {
        let read = |e: io::Error| RunError::io("read", program, e);
        let program = program.canonicalize().map_err(read)?;
        let opened = fs::create_dir_all(dir)
            .and_then(|()| fs::set_permissions(dir, fs::Permissions::from_mode(0o755)));
        opened.map_err(|e| RunError::io("create", dir, e))?;
        let mut mounts = vec![mount(&for_all(&program, dir)?, INSIDE, false)];
        let Some(loader) = interpreter(&program).map_err(read)? else {
            return Ok(Self {
                mounts,
                entrypoint: INSIDE.to_owned(),
                words: Vec::new(),
                path: program,
                script: None,
            });
        };
        let mut all = libraries(&loader, &program)?;
        all.push(loader.clone());
        for library in all {
            copy(&library, dir)?;
        }
        mounts.push(mount(dir, LIBRARIES, false));
        let entrypoint = format!("{LIBRARIES}/{}", name(&loader).to_string_lossy());
        let script = dir.join("start");
        let text =
            format!("#!/bin/sh\nexec {entrypoint} --library-path {LIBRARIES} {INSIDE} \"$@\"\n");
        fs::write(&script, text)
            .and_then(|()| fs::set_permissions(&script, fs::Permissions::from_mode(0o755)))
            .map_err(|e| RunError::io("write", &script, e))?;
        Ok(Self {
            mounts,
            entrypoint,
            words: ["--library-path", LIBRARIES, INSIDE]
                .map(str::to_owned)
                .to_vec(),
            path: program,
            script: Some(script),
        })
    }

    /// Shows a file or folder of this machine at its own place. The program itself is shown as
    /// something that starts in any image.
    pub(super) fn revealed(&self, path: &OsStr) -> Option<OsString> {
        let (text, path) = (path.to_str()?, Path::new(path));
        let real = path.canonicalize().ok()?;
        let shown = match &self.script {
            Some(script) if real == self.path => script,
            _ => path,
        };
        Some(mount(shown, text, false))
    }
}

fn name(path: &Path) -> OsString {
    path.file_name().unwrap_or_default().to_owned()
}

/// Returns the program, or a copy where others than its owner may not start it.
fn for_all(program: &Path, dir: &Path) -> Result<PathBuf, RunError> {
    let meta = fs::metadata(program).map_err(|e| RunError::io("read", program, e))?;
    if meta.permissions().mode() & 0o005 == 0o005 {
        return Ok(program.to_owned());
    }
    copy(program, dir)?;
    Ok(dir.join(name(program)))
}

/// Copies a library, readable for everybody, under the name that the program asks for.
fn copy(library: &Path, dir: &Path) -> Result<(), RunError> {
    let to = dir.join(name(library));
    let copied = fs::copy(library, &to)
        .and_then(|_| fs::set_permissions(&to, fs::Permissions::from_mode(0o755)));
    copied.map_err(|e| RunError::io("copy", library, e))
}

/// Asks the loader where it finds what a program needs.
fn libraries(loader: &Path, program: &Path) -> Result<Vec<PathBuf>, RunError> {
    let output = Command::new(loader)
        .arg("--list")
        .arg(program)
        .output()
        .map_err(|e| RunError::io("start", loader, e))?;
    if !output.status.success() {
        let why = super::client::last_words(&output.stderr);
        return Err(RunError::io(
            "list the libraries of",
            program,
            io::Error::other(why),
        ));
    }
    Ok(listed(&output.stdout))
}

/// Reads lines of the form `libc.so.6 => /lib/libc.so.6 (0x…)`.
fn listed(text: &[u8]) -> Vec<PathBuf> {
    let lines = text.split(|&b| b == b'\n');
    let found = lines.filter_map(|line| {
        let at = line.windows(4).position(|w| w == b" => ")? + 4;
        let rest = &line[at..];
        let end = rest
            .windows(2)
            .rposition(|w| w == b" (")
            .unwrap_or(rest.len());
        let path = PathBuf::from(OsString::from_vec(rest[..end].to_vec()));
        path.is_absolute().then_some(path)
    });
    found.collect()
}

/// Returns the loader that a program names; one without is whole in itself.
fn interpreter(program: &Path) -> io::Result<Option<PathBuf>> {
    let mut file = fs::File::open(program)?;
    let mut head = [0; 64];
    file.read_exact(&mut head)?;
    if &head[..4] != b"\x7fELF" {
        return Err(io::Error::other("it is no program of Linux"));
    }
    let is_wide = head[4] == 2;
    let number = |bytes: &[u8]| -> u64 {
        let fold = |sum: u64, byte: &u8| sum << 8 | u64::from(*byte);
        if head[5] == 1 {
            bytes.iter().rev().fold(0, fold)
        } else {
            bytes.iter().fold(0, fold)
        }
    };
    // Where the table of segments lies, how large an entry is, how many there are (elf(5)).
    let (table, size, count) = if is_wide {
        (&head[32..40], &head[54..56], &head[56..58])
    } else {
        (&head[28..32], &head[42..44], &head[44..46])
    };
    let (table, size, count) = (number(table), number(size), number(count));
    if size < if is_wide { 40 } else { 20 } {
        return Ok(None);
    }
    for index in 0..count {
        let Some(entry) = read_at(&file, table.saturating_add(index * size), size)? else {
            break;
        };
        if number(&entry[..4]) != PT_INTERP {
            continue;
        }
        let (at, length) = if is_wide {
            (&entry[8..16], &entry[32..40])
        } else {
            (&entry[4..8], &entry[16..20])
        };
        let Some(mut path) = read_at(&file, number(at), number(length).min(4096))? else {
            break;
        };
        while path.last() == Some(&0) {
            path.pop();
        }
        return Ok(Some(PathBuf::from(OsString::from_vec(path))));
    }
    Ok(None)
}

/// Reads a piece of a file; nothing where the file has no such piece.
fn read_at(file: &fs::File, at: u64, length: u64) -> io::Result<Option<Vec<u8>>> {
    use std::os::unix::fs::FileExt as _;
    let mut bytes = vec![0; usize::try_from(length).unwrap_or(0)];
    match file.read_exact_at(&mut bytes, at) {
        Ok(()) => Ok(Some(bytes)),
        Err(error) => match error.kind() {
            io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidInput => Ok(None),
            _ => Err(error),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loader_of_this_program_lists_its_libraries() {
        let own = std::env::current_exe().unwrap();
        let Some(loader) = interpreter(&own).unwrap() else {
            return;
        };
        assert!(loader.is_file(), "{}", loader.display());
        let found = libraries(&loader, &own).unwrap();
        assert!(
            !found.is_empty() && found.iter().all(|f| f.is_file()),
            "{found:?}"
        );
    }

    #[test]
    fn what_is_no_program_is_said_to_be_none() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), [b'x'; 100]).unwrap();
        assert!(interpreter(file.path()).is_err());
        fs::write(file.path(), b"short").unwrap();
        assert!(interpreter(file.path()).is_err());
        fs::write(file.path(), [b"\x7fELF".as_slice(), &[0xff; 200]].concat()).unwrap();
        assert_eq!(interpreter(file.path()).unwrap(), None);
    }

    #[test]
    fn only_what_lies_somewhere_is_a_library() {
        let text = b"\tlinux-vdso.so.1 (0x7ffd)\n\tlibc.so.6 => /lib/a b/libc.so.6 (0x7f)\n\
                     \t/lib64/ld-linux-x86-64.so.2 (0x7f)\n";
        assert_eq!(listed(text), [PathBuf::from("/lib/a b/libc.so.6")]);
    }
}
