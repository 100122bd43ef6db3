"""A person at a terminal: `terminal.py QUESTION ANSWER PROGRAM...`.

Runs the program in a terminal of its own, types the answer once the question is on the screen (or nothing, for an
empty question), and prints what the screen said without its colours. Exits as the program does.
"""

import os
import pty
import re
import sys

question, answer, *program = sys.argv[1:]
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(program[0], program)
said = b""
while True:
    try:
        said += os.read(terminal, 65536)
    except OSError:  # the program's end closes its terminal
        break
    if question and question.encode() in said:
        os.write(terminal, answer.encode() + b"\r")
        question = ""
_, status = os.waitpid(pid, 0)
# CSI and OSC sequences
print(re.sub(rb"\x1b\[[0-9;?>]*[a-zA-Z]|\x1b\][^\x07\x1b]*(\x07|\x1b\\)", b"", said).decode(errors="replace"))
sys.exit(os.waitstatus_to_exitcode(status) if os.WIFEXITED(status) else 1)
