# Services are hosts of their own here; CircleCI has them on localhost, and so do scripts.
forward() { # HOST PORT
  if command -v socat >/dev/null 2>&1; then
    set -- socat "TCP-LISTEN:$2,bind=127.0.0.1,fork,reuseaddr" "TCP:$1:$2"
  elif command -v python3 >/dev/null 2>&1; then
    set -- python3 -c '
import socket, sys, threading
def copy(a, b):
    try:
        while True:
            data = a.recv(65536)
            if not data: break
            b.sendall(data)
        b.shutdown(socket.SHUT_WR)
    except OSError: pass
def serve(client):
    try: server = socket.create_connection((sys.argv[1], int(sys.argv[2])))
    except OSError: return client.close()
    for pair in ((client, server), (server, client)): threading.Thread(target=copy, args=pair, daemon=True).start()
listener = socket.create_server(("127.0.0.1", int(sys.argv[2])))
while True: serve(listener.accept()[0])' "$1" "$2"
  elif command -v perl >/dev/null 2>&1; then
    set -- perl -MIO::Socket::INET -e '
my ($host, $port) = @ARGV; $SIG{CHLD} = "IGNORE";
sub copy { my ($a, $b) = @_; my $d; while (sysread $a, $d, 65536) { my $o = 0; while ($o < length $d) { $o += syswrite($b, $d, length($d) - $o, $o) || last } } shutdown $b, 1 }
my $listener = IO::Socket::INET->new(LocalAddr => "127.0.0.1", LocalPort => $port, Listen => 64, ReuseAddr => 1) or die "$port: $!";
while (my $client = $listener->accept) { next if fork; my $server = IO::Socket::INET->new(PeerAddr => $host, PeerPort => $port) or exit 1;
  if (fork) { copy($client, $server); wait } else { copy($server, $client) } exit }' "$1" "$2"
  else
    echo "localhost:$2 does not lead to $1: the image has neither socat, python3 nor perl" >&2
    return 0
  fi
  nohup "$@" >/dev/null 2>&1 </dev/null &
}
