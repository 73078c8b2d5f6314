"""The jail: the sandbox that runs student code in locked-down processes, called workers.

The modules in this folder are the trusted side. `inside` runs in the jail and is never imported by the trusted side;
`shared` is imported by both. Of the grader's files, a worker may open only those two folders.
"""
