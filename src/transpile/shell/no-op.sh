# A job that does nothing but carry the order.
holdall_no_op() { # JOB REQUIRED:STATUS,...
  if holdall_ready "$@"; then holdall_ended "$1" success; fi
}
