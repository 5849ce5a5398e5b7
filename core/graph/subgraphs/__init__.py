"""Subgraphs: a drawing that stands as one block, in as many places as a person likes.

The data model, from the file to the run:

- A :class:`~core.graph.document.Document` holds **definitions** by id. A definition is a small drawing (nodes, wires, frames)
  with a border: the ports it takes and gives, by name, kind and modality, and the settings it shows.
- A **copy** is an ordinary node whose block is ``subgraphs.<id>``. Its knobs are what it sets otherwise than the definition,
  by the name of the shown setting; muting, bypassing, repeating and sharing weights are the node's own, as for any block.
- Inside a definition two nodes stand for its border: ``border.entry`` gives what the subgraph takes, ``border.exit`` takes what
  it gives. Wires to them are wires like all others, so nothing else has to know where an inside ends.
- A shown setting (:class:`~core.graph.document.Promoted`) names a node of the inside and its knob. Where that node is itself a copy, its
  knob is a shown setting again, so that a value reaches any depth by names alone.
- Rules, stages and shares of tasks are the recipe's and belong to a place, not to a definition: ``rules["left.vit"]`` is said
  of the tower in the copy *left*, ``rules["left"]`` of all that is in it.

What is done with it:

- :mod:`.flat`: a document without subgraphs that means the same. Ids are paths (``left.vit``); ids hold no stroke, for series do.
  Only this form is compiled, trained, exported and kept in checkpoints: a run of the drawing is the run of its flat form.
- :mod:`.levels`: one inside as a document of its own, and what was drawn there put back. The canvas, the inspector and the
  outline show a level as they show any document, so there is one way of editing.
- :mod:`.specs`: what the canvas, the rules and the forms need to know of a copy and of a border: an ordinary ``BlockSpec``.
- :mod:`.grouping`: a selection becomes a subgraph, and a copy becomes what is inside it.
- :mod:`.borders`: ports and shown settings come, go, change their name and their order, under every copy at once.
- :mod:`.changes`: what an edit of a definition took from its copies, as a value that can be said.
- :mod:`.carrying`: definitions go along when a part is copied into another document.
"""
