# pragma version 0.4.3
"""
@title Refusals
@license Apache-2.0
@notice How every rule refuses: with its name, `module: rule`, as the revert's reason. In one place, since the
        same few lines at each of some ninety rules would take a quarter of the code that a contract may have.
"""


@internal
@pure
def _refuse(rule: String[32]):
    """
    @notice Reverts with Error(string) naming the rule.
    @param rule `module: rule`.
    """
    raise rule
