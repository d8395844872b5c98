# The engine of this machine stands in for a remote one.
holdall_docker() {
  if docker info >/dev/null 2>&1; then return 0; fi
  printf 'the steps need the docker program and an engine that answers\n'
  return 1
}
