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

/* Whether the convolution can keep the largest of 2 x 2 outputs, as POOL does. */
static int can_pool(const struct avl_node *node, const struct avl_layer *pool)
{
	const struct avl_attr *const a = &node->attr, *const p = &pool->attr;
	return node->op == &avl_op_conv && node->in[1] == AVL_NODE_NONE && !a->planar &&
	       a->kernel_h == 3 && a->kernel_w == 3 && a->stride_h == 1 && a->stride_w == 1 &&
	       p->kernel_h == 2 && p->kernel_w == 2 && p->stride_h == 2 && p->stride_w == 2 &&
	       p->pad == AVL_PAD_FIXED && !p->pad_h && !p->pad_w;
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

/* The same in training, where what batch norms read has to stay. */
static void absorb_training(const struct avl_network *net, struct avl_node *node,
			    const struct avl_node *nodes, int count)
{
	if (node->op == &avl_op_batchnorm && followed_by(net, node->row, &avl_op_add)) {
		node->row++;
		node->in[1] = node_of(nodes, count, other_of(net, node->row));
	}
	if (can_clamp(node->op) && followed_by(net, node->row, &avl_op_clamp)) {
		node->row++;
		node->attr.lo = net->layers[node->row].attr.lo;
		node->attr.hi = net->layers[node->row].attr.hi;
	}
}

static void absorb_pool(const struct avl_network *net, struct avl_node *node)
{
	if (!followed_by(net, node->row, &avl_op_maxpool) ||
	    !can_pool(node, &net->layers[node->row + 1]))
		return;
	node->row++;
	node->attr.pool = 1;
}

static int is_pointwise(const struct avl_node *node)
{
	return node->op == &avl_op_conv && !node->attr.planar && node->attr.kernel_h == 1 &&
	       node->attr.kernel_w == 1 && node->attr.stride_h == 1 && node->attr.stride_w == 1 &&
	       !node->attr.pad_h && !node->attr.pad_w;
}

static int is_row_pool(const struct avl_node *node)
{
	const struct avl_attr *const a = &node->attr;
	return node->op == &avl_op_maxpool && a->kernel_h == 1 && a->stride_h == 1 &&
	       a->kernel_w == a->stride_w && a->pad == AVL_PAD_FIXED && !a->pad_h && !a->pad_w;
}

/* Whether node I reads the node before it and nobody else does. */
static int only_reader(const struct avl_network *net, const struct avl_node *nodes, int i)
{
	return i > 0 && nodes[i].in[0] == i - 1 && readers(net, nodes[i - 1].row) == 1;
}

/* How many nodes before the last, LAST, can be one with it, and the op that does them all. */
static int chain_of(const struct avl_network *net, const struct avl_node *nodes, int last,
		    const struct avl_op **op)
{
	if (!only_reader(net, nodes, last))
		return 0;
	const struct avl_node *const before = &nodes[last - 1];
	*op = &avl_op_convpool;
	if (is_row_pool(&nodes[last]))
		return before->op == &avl_op_conv && before->in[1] == AVL_NODE_NONE;
	*op = &avl_op_separable;
	if (!is_pointwise(&nodes[last]) || before->op != &avl_op_depthwise)
		return 0;
	return only_reader(net, nodes, last - 1) && is_pointwise(before - 1) &&
		       before[-1].in[1] == AVL_NODE_NONE
		   ? 2
		   : 1;
}

/* Makes the last node one with those before it, where that can be; returns how many nodes are left
 * of the COUNT. */
static int chain(const struct avl_network *net, struct avl_node *nodes, int count)
{
	const struct avl_op *op;
	const int before = chain_of(net, nodes, count - 1, &op);
	if (!before)
		return count;
	struct avl_node *const first = &nodes[count - 1 - before], *const last = &nodes[count - 1];
	for (struct avl_node *node = first; node <= last; node++)
		first->part[first->parts++] = (struct avl_node_part){
		    .op = node->op, .attr = node->attr, .param = node->param, .norm = node->norm};
	for (int i = 0; i < before; i++)
		(i ? &first->part[i].attr : &first->attr)->then = &first->part[i + 1].attr;
	first->op = op;
	first->name = last->name;
	first->row = last->row;
	first->in[1] = last->in[1];
	return count - before;
}

int avl_node_fuse(const struct avl_network *net, enum avl_fuse fuse, struct avl_node *nodes)
{
	int count = 0;
	for (int row = 0; row < net->count;) {
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
			if (fuse == AVL_FUSE_TRAINING)
				absorb_training(net, node, nodes, count);
			else
				absorb(net, node, nodes, count);
			if (fuse == AVL_FUSE_CHAINS)
				absorb_pool(net, node);
		}
		node->name = net->layers[node->row].name;
		row = node->row + 1;
		count = fuse == AVL_FUSE_CHAINS ? chain(net, nodes, count + 1) : count + 1;
	}
	return count;
}
