# The keys of the person's agent stand in for those of the project.
holdall_ssh_keys() {
  if ssh-add -l >/dev/null 2>&1; then return 0; fi
  printf 'no ssh agent with a key is running: start one, ssh-add the keys of this step, and run this again\n'
  return 1
}
