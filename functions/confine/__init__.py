"""The child's side of the sandbox: what a process does to itself before it touches hostile bytes.

Standard library and ctypes only, and few of those: `launch` starts in a bare interpreter (`python -I -S -E`) and must cost next to nothing.

    kernel      system calls by number, prctl
    landlock    which paths may be read, run and written
    seccomp     which system calls are left
    identity    a uid of its own, a user and a network namespace of its own
    layers      all of it in order; says which layers hold
    launch      confines itself, then becomes the tool
    worker      the warm image worker: forks, confines the fork, calls one function
"""
