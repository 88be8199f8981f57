"""Programs that check every address before they use it, for tests: `instrument` rewrites the IR,
`functions` holds what it calls, and `memory` gives each buffer an allocation of its own, far
apart.
"""
