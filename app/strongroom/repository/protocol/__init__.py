"""Who may delete what, when: sessions, the commit key, prune, condemn and sweep (``docs/design/ordering.md``)."""
