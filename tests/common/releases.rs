//! A folder of releases as the project publishes them, for tests of what installs one.

use std::process::Command;

/// A folder of releases, with one of the binary under test.
pub(crate) struct Releases {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) sum: String,
}

impl Releases {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("releases/v0.1.0");
        std::fs::create_dir_all(&folder).unwrap();
        // The program of a debug build is large: one that starts it is as good.
        let program = format!(
            "#!/bin/sh\nexec '{}' \"$@\"\n",
            env!("CARGO_BIN_EXE_holdall")
        );
        let name = format!(
            "holdall-0.1.0-{}-unknown-linux-musl",
            std::env::consts::ARCH
        );
        let inside = dir.path().join(&name);
        std::fs::create_dir(&inside).unwrap();
        std::fs::write(inside.join("holdall"), program).unwrap();
        let archive = folder.join(format!("{name}.tar.gz"));
        let mut tar = Command::new("tar");
        tar.arg("-czf").arg(&archive).arg("-C").arg(dir.path());
        assert!(tar.arg(&name).status().unwrap().success());
        let out = Command::new("sha256sum").arg(&archive).output().unwrap();
        let sum = String::from_utf8(out.stdout).unwrap()[..64].to_owned();
        let line = format!("{sum}  {name}.tar.gz\n");
        std::fs::write(folder.join("SHA256SUMS"), line).unwrap();
        Self { dir, sum }
    }

    pub(crate) fn url(&self) -> String {
        format!("file://{}", self.dir.path().join("releases").display())
    }
}
