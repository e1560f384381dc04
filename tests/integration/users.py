"""Acting as another user, in a child process."""

import os
import pickle
import traceback


def connect_as(uid, connect):
    """Connects as another user; what the connection says is this process's affair."""
    os.setegid(uid)
    os.seteuid(uid)
    try:
        return connect()
    finally:
        os.seteuid(0)
        os.setegid(0)


def as_user(uid, function, *arguments, gid=None):
    """Runs function in a child with a user's id and nothing of root; returns its result."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            os.close(reading)
            os.setgroups([])
            os.setresgid(gid or uid, gid or uid, gid or uid)
            os.setresuid(uid, uid, uid)
            answer = (True, function(*arguments))
            code = 0
        except BaseException:  # whatever it is, the parent must hear of it
            answer = (False, traceback.format_exc())
        with os.fdopen(writing, "wb") as pipe:
            pickle.dump(answer, pipe)
        os._exit(code)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        data = pipe.read()
    os.waitpid(pid, 0)
    assert data, "the child died"
    good, result = pickle.loads(data)
    assert good, result
    return result
