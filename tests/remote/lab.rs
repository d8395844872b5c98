//! A folder to work in, a server to work against, and holdall in between.

use std::collections::BTreeMap;
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use serde_json::Value;

use crate::common::holdall;

/// What kind of store a test runs against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An S3-compatible server with a key.
    Objects,
    /// The same without one.
    OpenObjects,
    /// The emulator of Azure's vendor.
    Azure,
    /// A registry that asks for nothing.
    Registry,
    /// A registry that asks for a password.
    LockedRegistry,
}

impl Kind {
    /// The kinds that every test runs on.
    pub(crate) const ALL: &[Self] = &[Self::Objects, Self::Azure, Self::Registry];
    /// Those whose servers keep each blob as a file, for tests that reach behind their backs.
    pub(crate) const IN_FILES: &[Self] = &[Self::Objects, Self::Registry];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Objects => "s3",
            Self::OpenObjects => "open_s3",
            Self::Azure => "azure",
            Self::Registry => "registry",
            Self::LockedRegistry => "locked_registry",
        }
    }

    fn server(self) -> &'static str {
        match self {
            Self::Registry | Self::LockedRegistry => "docker-registry",
            Self::Azure => "azurite-blob",
            Self::Objects | Self::OpenObjects => "s3s-fs",
        }
    }

    fn is_registry(self) -> bool {
        matches!(self, Self::Registry | Self::LockedRegistry)
    }

    /// Whether this build speaks to it.
    fn is_built(self) -> bool {
        match self.is_registry() {
            true => cfg!(feature = "registry"),
            false => cfg!(feature = "s3"),
        }
    }
}

/// A server of its own for one test.
pub(crate) struct Server {
    child: Child,
    address: String,
    folder: TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The account of the emulator and its key, which its documentation gives.
const ACCOUNT: &str = "devstoreaccount1";
const ACCOUNT_KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

/// Makes a container, with a request that is signed as the service wants it.
const MAKE_CONTAINER: &str = r#"
import base64, hashlib, hmac, http.client, sys
from email.utils import formatdate
address, account, key, container = sys.argv[1:]
stamps = {"x-ms-date": formatdate(usegmt=True), "x-ms-version": "2021-08-06"}
lines = "".join(f"{name}:{value}\n" for name, value in stamps.items())
text = "PUT" + "\n" * 12 + lines + f"/{account}/{account}/{container}\nrestype:container"
mac = hmac.new(base64.b64decode(key), text.encode(), hashlib.sha256).digest()
stamps["Authorization"] = f"SharedKey {account}:{base64.b64encode(mac).decode()}"
line = http.client.HTTPConnection(address)
line.request("PUT", f"/{account}/{container}?restype=container", headers={**stamps, "Content-Length": "0"})
answer = line.getresponse()
sys.exit(None if answer.status == 201 else f"{answer.status} {answer.read().decode()}")
"#;

/// `test:testsecret` as htpasswd writes it.
const PASSWORDS: &str = "test:$2b$05$HOLDALLHOLDALLHOLDALLuGMms9aAMnTvrJKNLx.lgPB5qjB5OEOm";

/// Starts a server, or says why the test is skipped.
pub(crate) fn server(kind: Kind, test: &str) -> Option<Server> {
    if !kind.is_built() {
        println!("skipped: {test} on {} needs its feature", kind.name());
        return None;
    }
    if !has_tool(kind.server(), test) || (kind == Kind::Azure && !has_tool("python3", test)) {
        return None;
    }
    let program = find(kind.server())?;
    // The port that was free a moment ago may be taken: then another one.
    for _ in 0..5 {
        let mut server = start(kind, &program);
        let until = Instant::now() + Duration::from_secs(20);
        while Instant::now() < until {
            if server.child.try_wait().unwrap().is_some() {
                break;
            }
            if TcpStream::connect(&server.address).is_ok() {
                if kind == Kind::Azure {
                    make_container(&server.address);
                }
                return Some(server);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    panic!("{} does not start", program.display());
}

/// Says whether a program is there, or why the test is skipped.
pub(crate) fn has_tool(name: &str, test: &str) -> bool {
    let found = find(name).is_some();
    if !found {
        let required = std::env::var_os("HOLDALL_REQUIRE_TOOLS").is_some();
        assert!(!required, "{test} needs {name}");
        println!("skipped: {test} needs {name} in PATH");
    }
    found
}

fn find(name: &str) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())
        .map(|dir| dir.join(name))
        .find(|file| file.is_file())
}

fn make_container(address: &str) {
    let output = Command::new("python3")
        .args(["-c", MAKE_CONTAINER, address, ACCOUNT, ACCOUNT_KEY])
        .arg("workspaces")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
}

fn start(kind: Kind, program: &Path) -> Server {
    let folder = TempDir::new().unwrap();
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let address = format!("127.0.0.1:{port}");
    let data = folder.path().join("data");
    fs::create_dir_all(data.join("workspaces")).unwrap();
    let mut command = Command::new(program);
    if kind.is_registry() {
        let passwords = folder.path().join("htpasswd");
        fs::write(&passwords, format!("{PASSWORDS}\n")).unwrap();
        let auth = match kind {
            Kind::LockedRegistry => {
                format!(
                    "auth: {{htpasswd: {{realm: test, path: {}}}}}\n",
                    passwords.display()
                )
            }
            _ => String::new(),
        };
        let config = folder.path().join("config.yml");
        let text = format!(
            "version: 0.1\nlog: {{level: warn}}\nstorage: {{filesystem: {{rootdirectory: {}}}, delete: {{enabled: true}}}}\nhttp: {{addr: {address}, secret: test}}\n{auth}",
            data.display()
        );
        fs::write(&config, text).unwrap();
        command.arg("serve").arg(config);
    } else if kind == Kind::Azure {
        command
            .args(["--blobHost", "127.0.0.1", "--blobPort", &port.to_string()])
            .args(["--skipApiVersionCheck", "--disableTelemetry", "--silent"])
            .arg("--location")
            .arg(&data);
    } else {
        command.args(["--host", "127.0.0.1", "--port", &port.to_string()]);
        if kind == Kind::Objects {
            command.args(["--access-key", "test", "--secret-key", "testsecret"]);
        }
        command.arg(&data);
    }
    let log = fs::File::create(folder.path().join("log")).unwrap();
    let child = command
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap();
    Server {
        child,
        address,
        folder,
    }
}

/// What a command did.
pub(crate) struct Outcome {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Outcome {
    /// Fails the test where the command failed.
    pub(crate) fn ok(self) -> Self {
        assert_eq!(self.code, 0, "{}{}", self.out, self.err);
        self
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap()
    }

    /// The tree digest that persist and attach print.
    pub(crate) fn tree(&self) -> &str {
        self.out
            .lines()
            .find(|line| line.starts_with("tree "))
            .unwrap()
    }
}

/// One machine with a folder, a cache of its own, and a way to the server. Clones share the
/// folder.
#[derive(Clone)]
pub(crate) struct Lab {
    folder: std::sync::Arc<TempDir>,
    kind: Kind,
    address: String,
    data: PathBuf,
    machine: String,
    repository: String,
    local: Option<String>,
    env: Vec<(String, String)>,
}

impl Lab {
    pub(crate) fn new(server: &Server, kind: Kind) -> Self {
        let env = match kind {
            Kind::Objects => vec![
                ("AWS_ACCESS_KEY_ID", "test"),
                ("AWS_SECRET_ACCESS_KEY", "testsecret"),
            ],
            Kind::OpenObjects => vec![("AWS_SKIP_SIGNATURE", "true")],
            Kind::Azure => vec![
                ("AZURE_STORAGE_ACCOUNT_NAME", ACCOUNT),
                ("AZURE_STORAGE_ACCOUNT_KEY", ACCOUNT_KEY),
            ],
            _ => Vec::new(),
        };
        Self {
            folder: std::sync::Arc::new(TempDir::new().unwrap()),
            kind,
            address: server.address.clone(),
            data: server.folder.path().join("data"),
            machine: "here".to_owned(),
            repository: "team/layers".to_owned(),
            local: None,
            env: Vec::new(),
        }
        // A machine that is busy with other tests is slow, and no less there.
        .with(&[("HOLDALL_STORE_TIMEOUT", "60")])
        .with(&env)
    }

    /// The same on another machine, which knows nothing yet.
    pub(crate) fn on_machine(&self, name: &str) -> Self {
        Self {
            machine: name.to_owned(),
            ..self.clone()
        }
    }

    /// The same by way of a proxy.
    pub(crate) fn by_way_of(&self, address: &str) -> Self {
        Self {
            address: address.to_owned(),
            ..self.clone()
        }
    }

    /// The same with more in the environment.
    pub(crate) fn with(&self, env: &[(&str, &str)]) -> Self {
        let mut lab = self.clone();
        lab.env
            .extend(env.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())));
        lab
    }

    /// The same with the least patience there is.
    pub(crate) fn impatient(&self) -> Self {
        self.with(&[("HOLDALL_STORE_TIMEOUT", "1")])
    }

    /// The same with a store in a folder.
    pub(crate) fn local(&self, store: &str) -> Self {
        Self {
            local: Some(store.to_owned()),
            ..self.clone()
        }
    }

    /// The same with a bucket or repository that is not there.
    pub(crate) fn elsewhere(&self) -> Self {
        Self {
            repository: "nowhere/at-all".to_owned(),
            ..self.clone()
        }
    }

    /// Ways to be refused, where the server refuses anyone.
    pub(crate) fn with_wrong_credentials(&self) -> Vec<(&'static str, Self)> {
        match self.kind {
            Kind::Objects => vec![
                (
                    "wrong secret",
                    self.with(&[("AWS_SECRET_ACCESS_KEY", "no")]),
                ),
                ("unknown key", self.with(&[("AWS_ACCESS_KEY_ID", "nobody")])),
            ],
            Kind::Azure => vec![
                (
                    "wrong key",
                    self.with(&[("AZURE_STORAGE_ACCOUNT_KEY", "bm8=")]),
                ),
                ("no key", self.with(&[("AZURE_STORAGE_ACCOUNT_KEY", "no")])),
            ],
            _ => Vec::new(),
        }
    }

    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// The store's URL.
    pub(crate) fn url(&self) -> String {
        match self.kind.is_registry() {
            true => format!("oci+http://{}/{}", self.address, self.repository),
            false => {
                let bucket = match self.repository.as_str() {
                    "team/layers" => "workspaces",
                    _ => "no-such-bucket",
                };
                let scheme = match self.kind {
                    Kind::Azure => "az",
                    _ => "s3",
                };
                format!("{scheme}://{bucket}/{}", self.repository)
            }
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, bytes: &[u8]) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    pub(crate) fn exists(&self, name: &str) -> bool {
        self.path(name).exists()
    }

    /// Bytes that no compression shortens, other ones each time.
    pub(crate) fn noise(&self, length: usize) -> Vec<u8> {
        use std::hash::{BuildHasher, RandomState};
        let mut state = RandomState::new().hash_one(length) | 1;
        let mut bytes = Vec::with_capacity(length + 8);
        while bytes.len() < length {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            bytes.extend_from_slice(&state.to_le_bytes());
        }
        bytes.truncate(length);
        bytes
    }

    fn cache(&self) -> PathBuf {
        self.path(&format!("machines/{}", self.machine))
    }

    /// Throws away what this machine knows of the store.
    pub(crate) fn forget_mirror(&self) {
        let _ = fs::remove_dir_all(self.cache());
    }

    pub(crate) fn run(&self, args: &[&str]) -> Outcome {
        let mut command = holdall();
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy().to_ascii_lowercase();
            let foreign = [
                "aws_",
                "google_",
                "azure_",
                "docker_",
                "holdall_",
                "xdg_",
                "registry_",
            ];
            if foreign.iter().any(|start| text.starts_with(start)) || text.ends_with("_proxy") {
                command.env_remove(name);
            }
        }
        let store = match &self.local {
            Some(store) => self.path(store).to_str().unwrap().to_owned(),
            None => self.url(),
        };
        let output = command
            .env("HOME", self.folder.path())
            .env("XDG_CACHE_HOME", self.cache())
            .env("AWS_ENDPOINT_URL", format!("http://{}", self.address))
            .env(
                "AZURE_STORAGE_ENDPOINT",
                format!("http://{}/{ACCOUNT}", self.address),
            )
            .env("HOLDALL_STORE", store)
            .envs(self.env.iter().map(|(k, v)| (k, v)))
            .args(args)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        Outcome {
            code: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    pub(crate) fn persist(&self, job: &str, root: &str, paths: &[&str]) -> Outcome {
        self.persist_with(job, root, paths, &[])
    }

    pub(crate) fn persist_with(
        &self,
        job: &str,
        root: &str,
        paths: &[&str],
        more: &[&str],
    ) -> Outcome {
        let root = self.path(root);
        let mut args = vec!["persist", "--job", job, "--root", root.to_str().unwrap()];
        args.extend(more);
        args.extend(paths);
        self.run(&args)
    }

    pub(crate) fn attach(&self, at: &str, upstream: &[&str]) -> Outcome {
        let at = self.path(at);
        let mut args = vec!["attach", "--at", at.to_str().unwrap()];
        args.extend(upstream.iter().flat_map(|job| ["--upstream", job]));
        self.run(&args)
    }

    pub(crate) fn layers(&self, args: &[&str]) -> Outcome {
        let mut all = vec!["layers"];
        all.extend(args);
        self.run(&all)
    }

    /// Changes a byte in the largest file below a folder.
    pub(crate) fn rot(&self, folder: &Path) {
        let largest = files(folder)
            .into_iter()
            .max_by_key(|file| fs::metadata(file).unwrap().len())
            .unwrap();
        let mut bytes = fs::read(&largest).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(largest, bytes).unwrap();
    }

    pub(crate) fn rot_in_store(&self) {
        self.rot(&self.data);
    }

    pub(crate) fn rot_in_mirror(&self) {
        self.rot(&self.cache());
    }

    /// Throws away everything that the server has.
    pub(crate) fn clear_store(&self) {
        for item in fs::read_dir(&self.data).unwrap() {
            let path = item.unwrap().path();
            match path.is_dir() {
                true => fs::remove_dir_all(path).unwrap(),
                false => fs::remove_file(path).unwrap(),
            }
        }
        fs::create_dir_all(self.data.join("workspaces")).unwrap();
    }

    /// Names, sizes and times of everything that the server has.
    pub(crate) fn snapshot_of_store(&self) -> BTreeMap<PathBuf, (u64, std::time::SystemTime)> {
        files(&self.data)
            .into_iter()
            .map(|file| {
                let meta = fs::metadata(&file).unwrap();
                (file, (meta.len(), meta.modified().unwrap()))
            })
            .collect()
    }

    /// Everything in a store in a folder, by its name.
    pub(crate) fn tree(&self, store: &str) -> BTreeMap<PathBuf, Vec<u8>> {
        let root = self.path(store);
        files(&root)
            .into_iter()
            // What a machine remembers of its own trees stays on it.
            .filter(|file| !file.iter().any(|name| name == "cache"))
            .map(|file| {
                let name = file.strip_prefix(&root).unwrap().to_owned();
                (name, fs::read(file).unwrap())
            })
            .collect()
    }

    /// The tags of the repository, sorted.
    pub(crate) fn tags(&self) -> Vec<String> {
        let mut tags: Vec<String> = fs::read_dir(self.tag_folder())
            .unwrap()
            .map(|tag| tag.unwrap().file_name().into_string().unwrap())
            .collect();
        tags.sort();
        tags
    }

    fn tag_folder(&self) -> PathBuf {
        self.data
            .join("docker/registry/v2/repositories")
            .join(&self.repository)
            .join("_manifests/tags")
    }

    /// Points the tag of one layer to the manifest of another.
    pub(crate) fn overwrite_a_tag(&self) {
        let folder = self.tag_folder();
        let tags: Vec<PathBuf> = self
            .tags()
            .iter()
            .map(|tag| folder.join(tag).join("current/link"))
            .collect();
        fs::copy(&tags[0], &tags[1]).unwrap();
    }

    /// Returns a text without what differs from run to run.
    pub(crate) fn anonymous(&self, text: &str) -> String {
        text.replace(&self.url(), "URL")
            .replace(&self.address, "ADDRESS")
            .replace(self.folder.path().to_str().unwrap(), "FOLDER")
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for item in fs::read_dir(folder).unwrap() {
            let path = item.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => found.push(path),
            }
        }
    }
    found
}
