"""The route's rules, applied to what a caller sent. A route without rules hands the caller's own fields on, by
reference: an empty rule set costs nothing and cannot change a byte."""

from ai_gateway.domain.config import Course
from ai_gateway.domain.traffic import Call, Shaped


def shape(call: Call, course: Course) -> Shaped:
    """No rule kinds exist yet, so every course's rule set is empty and the call's fields are the shaped ones."""
    return Shaped(call, call.fields, course.route, course.drop_unsupported)
