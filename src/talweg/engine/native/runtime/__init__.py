"""What a compiled program runs on: `launch` prepares memory, starts threads and waits for them;
`run_memory` lays out a run's arrays, `control` is the block that Python and the program share,
`crew` are the threads, which meet at a `barrier` and draw dynamic work by `tickets`.
"""
