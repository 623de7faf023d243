"""What a worker process runs. It imports no catalog, no ORM and no screen, so that it starts cheaply and its crash is one job's problem.

A worker is told its job by one JSON line on standard input and speaks JSON lines on standard output (``channel``).
"""
