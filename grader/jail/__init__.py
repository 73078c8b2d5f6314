"""The jail: what starts, locks, feeds and ends the processes that run student code.

What stands in this folder is the trusted side's. `inside` runs in the jail, and is started and never imported by the
trusted side; `shared` is what both sides import. A worker may open those two folders and nothing else of ours.
"""
