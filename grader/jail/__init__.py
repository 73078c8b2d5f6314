"""The jail: what starts, locks, feeds and ends the processes that run student code.

`host` and `view` run on the trusted side; `launcher`, `zygote`, `lockdown`, `landlock`, `seccomp`, `worker`, `loading`,
`archive` and `probe` run on the other; `wire` and `messages` on both.
"""
