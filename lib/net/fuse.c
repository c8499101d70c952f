/* SPDX-License-Identifier: MIT */
#include "net/node.h"

static int input_of(const struct avl_network *net, int row)
{
	return row - 1 - net->layers[row].back;
}

static int other_of(const struct avl_network *net, int row)
{
	const struct avl_layer *const layer = &net->layers[row];
	return layer->op->inputs == 2 ? row - 1 - layer->other : AVL_NODE_NONE;
}

static int readers(const struct avl_network *net, int row)
{
	int n = 0;
	for (int i = row + 1; i < net->count; i++)
		n += (input_of(net, i) == row) + (other_of(net, i) == row);
	return n;
}

/* Whether the row behind ROW does OP to it and nobody else reads ROW. */
static int followed_by(const struct avl_network *net, int row, const struct avl_op *op)
{
	return row + 1 < net->count && net->layers[row + 1].op == op &&
	       input_of(net, row + 1) == row && readers(net, row) == 1;
}

static int node_of(const struct avl_node *nodes, int count, int row)
{
	if (row < 0)
		return row;
	int i = 0;
	while (i < count && nodes[i].row != row)
		i++;
	return i;
}

static int is_convolution(const struct avl_op *op)
{
	return op == &avl_op_conv || op == &avl_op_depthwise;
}

static int can_clamp(const struct avl_op *op)
{
	return is_convolution(op) || op == &avl_op_batchnorm || op == &avl_op_add;
}

/* Takes the rows behind the node's own that its op can do in passing. */
static void absorb(const struct avl_network *net, struct avl_node *node,
		   const struct avl_node *nodes, int count)
{
	if (is_convolution(node->op) && followed_by(net, node->row, &avl_op_batchnorm))
		node->norm = &net->layers[++node->row];
	if (node->op == &avl_op_conv && followed_by(net, node->row, &avl_op_add)) {
		node->row++;
		node->in[1] = node_of(nodes, count, other_of(net, node->row));
	}
	if (can_clamp(node->op) && followed_by(net, node->row, &avl_op_clamp)) {
		node->row++;
		node->attr.lo = net->layers[node->row].attr.lo;
		node->attr.hi = net->layers[node->row].attr.hi;
	}
}

int avl_node_fuse(const struct avl_network *net, int fuse, struct avl_node *nodes)
{
	int count = 0;
	for (int row = 0; row < net->count; count++) {
		const struct avl_layer *const layer = &net->layers[row];
		struct avl_node *const node = &nodes[count];
		*node = (struct avl_node){
		    .op = layer->op,
		    .attr = layer->attr,
		    .param = layer->param,
		    .row = row,
		    .in = {node_of(nodes, count, input_of(net, row)),
			   node_of(nodes, count, other_of(net, row))},
		};
		node->attr.planar = node->in[0] == AVL_NODE_INPUT;
		if (layer->op != &avl_op_clamp) {
			node->attr.lo = -INFINITY;
			node->attr.hi = INFINITY;
			if (fuse)
				absorb(net, node, nodes, count);
		}
		node->name = net->layers[node->row].name;
		row = node->row + 1;
	}
	return count;
}
