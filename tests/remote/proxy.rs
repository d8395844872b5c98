//! A line between holdall and a server that misbehaves on purpose. It knows bytes, and of HTTP
//! only the one header that it can take out.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

const CONDITION: &[u8] = b"if-none-match:";

/// What happens to a connection.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fate {
    /// Nothing.
    Pass,
    /// It is cut after this many bytes from the server.
    CutAfter(u64),
    /// After this many bytes from the server, on all connections together, the line is dead.
    DieAfter(u64),
    /// After this many bytes from the server, on all connections together, nothing moves.
    FreezeAfter(u64),
    /// It is cut after this many bytes to the server, this many times.
    CutUploads { after: u64, times: u64 },
    /// It is accepted, and that is all.
    SayNothing,
    /// One conditional request at a time reaches the server; the next waits for its answer.
    OneByOne,
    /// Conditional headers are made into others of no meaning.
    DropConditions,
}

/// The line, until it is dropped.
pub(crate) struct Proxy {
    address: SocketAddr,
    state: Arc<State>,
    accepting: Option<JoinHandle<()>>,
}

struct State {
    fate: Fate,
    server: String,
    down: AtomicU64,
    cuts: AtomicU64,
    closed: AtomicBool,
    /// Whether a conditional request is under way.
    turn: Mutex<bool>,
    free: Condvar,
}

impl State {
    fn take(&self, waits: &AtomicBool) {
        let mut turn = self.turn.lock().unwrap();
        while *turn {
            turn = self.free.wait(turn).unwrap();
        }
        *turn = true;
        waits.store(true, Ordering::SeqCst);
    }

    fn pass_on(&self, waits: &AtomicBool) {
        if waits.swap(false, Ordering::SeqCst) {
            *self.turn.lock().unwrap() = false;
            self.free.notify_one();
        }
    }
}

impl Proxy {
    pub(crate) fn before(server: &str, fate: Fate) -> Self {
        Self::listen("127.0.0.1:0".parse().unwrap(), server, fate)
    }

    /// Takes the place of a proxy that was closed.
    pub(crate) fn at(address: SocketAddr, server: &str, fate: Fate) -> Self {
        Self::listen(address, server, fate)
    }

    fn listen(address: SocketAddr, server: &str, fate: Fate) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State {
            fate,
            server: server.to_owned(),
            down: AtomicU64::new(0),
            cuts: AtomicU64::new(0),
            closed: AtomicBool::new(false),
            turn: Mutex::new(false),
            free: Condvar::new(),
        });
        let shared = Arc::clone(&state);
        let accepting = std::thread::spawn(move || {
            while !shared.closed.load(Ordering::SeqCst) {
                match listener.accept() {
                    Ok((client, _)) => {
                        client.set_nonblocking(false).unwrap();
                        serve(&shared, client);
                    }
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {
                        std::thread::sleep(Duration::from_millis(5));
                    }
                    Err(_) => return,
                }
            }
        });
        Self {
            address,
            state,
            accepting: Some(accepting),
        }
    }

    pub(crate) fn address(&self) -> String {
        self.address.to_string()
    }

    /// How often the line was cut.
    pub(crate) fn cuts(&self) -> u64 {
        self.state.cuts.load(Ordering::SeqCst)
    }

    /// How many bytes came from the server.
    pub(crate) fn downloaded(&self) -> u64 {
        self.state.down.load(Ordering::SeqCst)
    }

    /// Closes the line and returns its address, which is free then.
    pub(crate) fn close(self) -> SocketAddr {
        self.address
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.state.closed.store(true, Ordering::SeqCst);
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
    }
}

fn serve(state: &Arc<State>, client: TcpStream) {
    if let Fate::DieAfter(limit) = state.fate
        && state.down.load(Ordering::SeqCst) >= limit
    {
        return;
    }
    let Ok(server) = TcpStream::connect(&state.server) else {
        return;
    };
    let waits = Arc::new(AtomicBool::new(false));
    let up = (client.try_clone().unwrap(), server.try_clone().unwrap());
    let (shared, waiting) = (Arc::clone(state), Arc::clone(&waits));
    std::thread::spawn(move || carry(&shared, &waiting, up.0, up.1, true));
    let shared = Arc::clone(state);
    std::thread::spawn(move || {
        carry(&shared, &waits, server, client, false);
        shared.pass_on(&waits);
    });
}

/// Carries bytes one way until an end is gone or fate strikes.
fn carry(state: &State, waits: &AtomicBool, mut from: TcpStream, mut to: TcpStream, up: bool) {
    let mut buffer = vec![0; 1 << 16];
    let mut carried = 0;
    loop {
        let count = match from.read(&mut buffer) {
            Ok(0) | Err(_) => break,
            Ok(count) => count as u64,
        };
        carried += count;
        let down = match up {
            true => 0,
            false => state.down.fetch_add(count, Ordering::SeqCst) + count,
        };
        let bytes = &mut buffer[..usize::try_from(count).unwrap()];
        match state.fate {
            Fate::CutAfter(limit) if !up && carried > limit => {
                state.cuts.fetch_add(1, Ordering::SeqCst);
                break;
            }
            Fate::DieAfter(limit) if down > limit => break,
            Fate::CutUploads { after, times } if up && carried > after => {
                let cut = state
                    .cuts
                    .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |cuts| {
                        (cuts < times).then_some(cuts + 1)
                    });
                if cut.is_ok() {
                    break;
                }
            }
            Fate::FreezeAfter(limit) if down > limit => wait_for_the_end(state),
            Fate::SayNothing if !up => wait_for_the_end(state),
            Fate::OneByOne if up && find(bytes, CONDITION).is_some() => state.take(waits),
            Fate::OneByOne if !up => state.pass_on(waits),
            Fate::DropConditions if up => blot(bytes, CONDITION, b"x-of-no-mean:"),
            _ => {}
        }
        if state.closed.load(Ordering::SeqCst) || to.write_all(bytes).is_err() {
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}

fn wait_for_the_end(state: &State) {
    while !state.closed.load(Ordering::SeqCst) {
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn find(bytes: &[u8], name: &[u8]) -> Option<usize> {
    bytes
        .windows(name.len())
        .position(|window| window.eq_ignore_ascii_case(name))
}

/// Writes another name of no greater length over a header's; small requests come in one piece.
fn blot(bytes: &mut [u8], name: &[u8], other: &[u8]) {
    if let Some(at) = find(bytes, name) {
        let place = &mut bytes[at..at + name.len()];
        place.fill(b'-');
        place[..other.len() - 1].copy_from_slice(&other[..other.len() - 1]);
        place[name.len() - 1] = b':';
    }
}
