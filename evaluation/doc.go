// Package evaluation will hold the evaluation of bids (评标): the expert pool, the
// verifiable draw of experts (专家抽取), venues and seats of many cities (主场,副场,
// 工位), independent scoring, the methods of evaluation and the report. It reads
// what bidding has opened and knows nothing of supervision.
package evaluation
