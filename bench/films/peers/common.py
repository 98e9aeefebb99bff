"""What the Python peers have in common. The program that starts them sets the environment."""

import ctypes
import os
import signal

DSN = os.environ["FILMS_DSN"]
POOL = int(os.environ["FILMS_POOL"])  # connections of each worker

PR_SET_PDEATHSIG = 1

# A worker ends with its master, and that with the program that started it, even if they are killed.
ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
if not os.path.exists("/proc/" + os.environ["FILMS_PARENT"]):
    os._exit(1)  # that was before


def review(data):
    """Returns a review that may be stored, or None."""
    if not isinstance(data, dict):
        return None
    film_id, rating = data.get("film_id"), data.get("rating")
    if type(film_id) is not int or type(rating) is not int or not 1 <= rating <= 5:
        return None
    return {"film_id": film_id, "rating": rating}
