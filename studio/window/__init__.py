"""The window: its pages, menus, dialogs, and who hears whom."""
