# Starts an agent with the keys that the variable SSH_PRIVATE_KEY holds, or the file that it names.
holdall_ssh_keys() {
  [ -n "${SSH_PRIVATE_KEY:-}" ] || { printf 'the variable SSH_PRIVATE_KEY with the keys of this step is missing\n' >&2; return 1; }
  eval "$(ssh-agent -s)" >/dev/null
  if [ -f "$SSH_PRIVATE_KEY" ]; then tr -d '\r' <"$SSH_PRIVATE_KEY" | ssh-add -; else printf '%s\n' "$SSH_PRIVATE_KEY" | tr -d '\r' | ssh-add -; fi
  printf 'export SSH_AUTH_SOCK=%s SSH_AGENT_PID=%s\n' "$SSH_AUTH_SOCK" "$SSH_AGENT_PID" >>"$BASH_ENV"
}
