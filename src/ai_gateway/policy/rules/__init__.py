"""Rules as people write them, made into values that can be done: one family of kinds a file, and the table of kinds.

All that can be wrong with a rule is found here, when it is saved or loaded, and never on the way of a request: what is
left for then are facts of that request (a number that is none, a null that was compared), and these follow the rule's
own mode.
"""

from ai_gateway.policy.rules.compiling import MOST_RULES, compile_rules, join_rules, revision_of
from ai_gateway.policy.rules.plain_json import canonical
from ai_gateway.policy.rules.refused import RuleRefused

__all__ = ["MOST_RULES", "RuleRefused", "canonical", "compile_rules", "join_rules", "revision_of"]
