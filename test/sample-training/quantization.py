"""What the sample model knows about its own subject: questions people ask about quantization, with answers that are right."""

from grammar import parse_pairs

QUANTIZATION = parse_pairs("""
Q what is quantization | what does quantization mean | what does quantizing a model do | how does quantization work | what happens when a model is quantized | why do people talk about quantization | what is quantisation
A Quantization stores the weights of a model with fewer bits. Each weight is replaced by the nearest value from a small set, so the file gets smaller and a little accuracy is lost.
A Quantization means writing numbers with less precision. A weight that took 16 bits may take 8 or 4 bits afterwards, which saves memory and costs a little quality.
A When a model is quantized, groups of weights share a scale, and each weight is rounded to one of a few levels. The model needs less memory, and its answers change slightly.

Q why quantize a model | why do we quantize models | what is quantization good for | what are the advantages of quantization | why should I quantize | what do I gain from quantization | why is quantization useful
A A quantized model needs less memory and less disk space, so a larger model fits on a small computer. It often runs faster too, because fewer bytes must be read for every token.
A You quantize a model to make it fit. With 4 bits a weight the file is about a quarter of the 16 bit file, and reading fewer bytes also makes the answers come faster.

Q what do I lose with quantization | does quantization make a model worse | what are the disadvantages of quantization | is a quantized model less accurate | what is the price of quantization | does quantization hurt quality | what is quantization error
A Rounding adds a small error to every weight. With 8 bits the loss is hardly visible, with 4 bits it is small but can be measured, and below 4 bits it grows quickly.
A You lose some accuracy, because each weight is rounded. The difference between the old weight and the rounded one is the quantization error, and it is larger with fewer bits.

Q what is a bit | what does a bit mean | how big is a bit | what is one bit
A A bit is the smallest piece of information in a computer. It is either 0 or 1.
A A bit is a single 0 or 1. With more bits you can tell more values apart: each extra bit doubles the number of values.

Q what is a byte | how many bits are in a byte | how many bits does a byte have | how big is a byte
A A byte is eight bits. It can hold 256 different values.
A One byte has 8 bits, so it can tell 256 values apart.

Q how many values can 4 bits hold | how many values fit in 4 bits | how many levels does a 4 bit number have | how many codes are there with 4 bits
A Four bits can hold 16 different values, because 2 x 2 x 2 x 2 is 16.
A With 4 bits there are 16 levels. That is why NF4 has a table of 16 numbers.

Q how many values can 8 bits hold | how many values fit in 8 bits | how many levels does an 8 bit number have | how many codes are there with 8 bits
A Eight bits can hold 256 different values. As signed integers they usually run from -128 to 127.
A With 8 bits there are 256 levels, sixteen times as many as with 4 bits.

Q how many bits does a weight have | how many bits are in a weight of a normal model | what precision do checkpoints have | what is 16 bit precision | how large is a weight
A Most checkpoints store each weight with 16 bits, which is 2 bytes. After quantization a weight takes 8 or 4 bits.
A A weight usually has 16 bits in a checkpoint, as bfloat16 or float16. Quantization brings this down to 8 or about 4 bits.

Q what is absmax | what is absmax quantization | what does absmax mean | how does absmax work | explain absmax scaling | what is the absmax of a block
A Absmax is the largest absolute value in a group of weights. Dividing by it brings every weight of the group between -1 and 1, and then each one is rounded to a level.
A Absmax quantization takes the largest magnitude of a row or block as the scale. The weights are divided by the scale, rounded and stored, and the scale is kept to undo it later.
A The absmax of a block is its largest magnitude. One large weight makes the absmax large, and then the small weights of the block are rounded more coarsely.

Q what is zero point quantization | what is a zero point | what is zeropoint | what does the zero point do | how does zero point quantization differ from absmax | when is a zero point useful
A Zero point quantization stretches the whole range from the smallest to the largest value over the integer levels. The zero point is the integer that stands for zero.
A A zero point shifts the levels, so that a range which is not centred on zero is used fully. Absmax has no shift: its levels are the same on both sides of zero.

Q what is a block size | what does the block size do | what is a quantization block | which block size should I use | why are weights quantized in blocks | what is the best block size | what does block size 64 mean
A The block size is the number of weights that share one scale. Smaller blocks follow the weights better, but more scales must be stored.
A With a block size of 64, every 64 weights in a row share one absmax. A block of 32 is a little more accurate and a little larger, a block of 128 is the other way round.
A Weights are quantized in blocks so that one large weight spoils only its own block. 64 is a good block size for 4 bit weights.

Q what is nf4 | what does nf4 mean | how does nf4 work | what is normal float 4 | what is the nf4 data type | why is nf4 good | what is special about nf4
A NF4 is a 4 bit data type with 16 levels that are placed as a normal distribution would have them. Weights look much like a normal distribution, so the levels are used well.
A NF4 stands for 4 bit normal float. Its 16 levels lie close together near zero, where most weights are, and further apart near -1 and 1.
A In NF4 each block of weights is divided by its absmax, and each weight is stored as the number of the nearest of 16 fixed levels. It comes from the QLoRA paper.

Q what is fp4 | what does fp4 mean | how does fp4 work | what is the fp4 data type | what is 4 bit floating point
A FP4 is a floating point number in 4 bits: a sign, two bits for the exponent and one for the fraction. It has fewer useful levels near zero than NF4.
A FP4 writes each weight as a tiny floating point number with 4 bits. For normal weights it is usually less accurate than NF4.

Q what is the difference between nf4 and fp4 | is nf4 better than fp4 | nf4 or fp4 | should I use nf4 or fp4 | compare nf4 and fp4 | which is better, nf4 or fp4
A Both use 4 bits and a scale for every block. NF4 places its levels to suit normally distributed weights, so its error is usually smaller than the error of FP4.
A For most models NF4 is the better choice. FP4 has the same size, but its levels fit the weights less well.

Q what is int8 | what does int8 mean | how does int8 quantization work | what is 8 bit quantization | what is an 8 bit integer
A Int8 is an integer with 8 bits. A row of weights is divided by its absmax, multiplied by 127 and rounded, so every weight becomes a whole number from -127 to 127.
A Int8 quantization stores each weight as a whole number of one byte together with a scale for the row. The file is half as large as with 16 bits and the loss is very small.

Q what is llm.int8 | what is llm int8 | how does llm.int8 work | what does llm.int8 do with outliers | explain llm.int8() | what does llm.int8 do about them | how does llm.int8 handle outliers | how does llm.int8 help | what is done about outliers | what is the idea of llm.int8
A LLM.int8 multiplies almost everything with 8 bit integers, but keeps the few columns with outliers in 16 bits. The two parts are added, so the result stays close to the original.
A LLM.int8 looks at the inputs of each layer. Columns with a value of 6 or more are computed in 16 bits, and all the others with 8 bit integers.

Q what is an outlier | what are outliers | what is an outlier feature | why are outliers a problem | why do outliers matter | what do outliers do to quantization | where do outliers come from
A An outlier is a value that is much larger than the others around it. It makes the scale large, so the small values are rounded coarsely.
A Outliers are a few channels of the activations with very large values. They stretch the 8 bit scale, and this is why LLM.int8 handles them in 16 bits.

Q what is the threshold of llm.int8 | what does the threshold 6 mean | why is the threshold 6.0 | what is the outlier threshold
A The threshold of LLM.int8 is usually 6.0. An input column with a magnitude of at least 6 is treated as an outlier and computed in 16 bits.
A It decides which columns are outliers. With a lower threshold more columns stay in 16 bits, which is more exact and slower.

Q what is double quantization | what does double quantization do | how does double quantization work | why quantize twice | what is double quant | how much does double quantization save
A Double quantization also quantizes the scales. The absmax of each block is stored with 8 bits instead of 32, which saves about 0.37 bits for every weight.
A With double quantization the absmax values themselves are quantized, in groups of 256. At block size 64 a weight then takes about 4.13 bits instead of 4.5.

Q how many bits does nf4 use | how many bits per weight does nf4 take | what is the size of nf4 | how large is an nf4 model | how much smaller is nf4
A NF4 uses 4 bits for the weight and a 32 bit absmax for every 64 weights, so 4.5 bits for each weight. With double quantization it is about 4.13 bits.
A An NF4 model needs about 4.5 bits for each quantized weight, or 4.13 with double quantization. The layers that stay in 16 bits come on top.

Q what is the difference between 4 bit and 8 bit | is 8 bit better than 4 bit | 4 bit or 8 bit | should I use 4 bit or 8 bit | what do I lose with 4 bits | compare 4 bit and 8 bit | how much worse is 4 bit than 8 bit
A With 8 bits the model is about half its 16 bit size and nearly as good. With 4 bits it is about a quarter of the size, and the loss can be measured.
A 8 bits are safer and 4 bits are smaller. If the 8 bit model fits in your memory, take it, and if it does not, 4 bits are a good choice.
A Four bits give 16 levels and eight bits give 256, so 8 bit weights are closer to the original. The 4 bit model is about half as large as the 8 bit one.

Q what is perplexity | what does perplexity mean | how is perplexity measured | what does the perplexity of a model tell me | is a lower perplexity better | what is a good perplexity | how do I read perplexity
A Perplexity says how surprised a model is by a text. Lower is better, and a perplexity of 1 would mean that it knew every word in advance.
A Perplexity is the exponential of the average loss for each token. If it rises after quantization, the model has lost something.
A A perplexity of 5 means that the model is as unsure as if it chose between 5 equally likely tokens each time. Compare it only on the same text and tokenizer.

Q what is kl divergence | what does kl divergence mean | what is kld | how is kl divergence used | what does the kl divergence tell me | why measure kl divergence
A KL divergence measures how far one probability distribution is from another. Here it compares the predictions of the quantized model with those of the original, and zero means they are the same.
A KL divergence says how much the next-token probabilities change after quantization. It finds small differences that perplexity can hide, and smaller is better.

Q what is top 1 agreement | what does top-1 agreement mean | what is agreement between two models | how often do two models agree
A Top-1 agreement is the share of positions where two models would choose the same next token. 100 percent means that they always agree.
A It counts how often the quantized model and the original have the same most likely token.

Q what is a token | what are tokens | what is a token in a language model | how long is a token
A A token is a piece of text that the model reads or writes in one step. It can be a word, a part of a word or a single sign.
A Tokens are the pieces into which text is cut before a model reads it. Common words are one token, rare words are several.

Q what is a tokenizer | what does a tokenizer do | why does a model need a tokenizer | how does a tokenizer work
A A tokenizer cuts text into tokens and gives every token a number. It also turns the numbers of the model back into text.
A The tokenizer is the part between text and numbers. Each model needs its own tokenizer, because the numbers have a meaning only for that model.

Q what is a language model | what is an llm | how does a language model work | what does a language model do | what is a large language model | how do you write text
A A language model predicts the next token of a text again and again. It learned from many examples which words follow which.
A A language model is a program that has learned from text which token is likely to come next. By choosing one token after another it writes sentences.

Q what is a weight | what are weights | what are the weights of a model | what is a parameter | what are parameters | what is the difference between a weight and a parameter
A Weights are the numbers that a model has learned. They are stored in the checkpoint, and a large model has billions of them.
A A parameter is one of the learned numbers of a model. Most parameters are weights of linear layers, and those are the ones that get quantized.

Q what is an activation | what are activations | what is the difference between weights and activations
A Activations are the numbers that flow through the model while it works. They depend on the input, but the weights stay the same.
A Weights are learned once and stored. Activations are computed anew for every token, and the large ones among them are called outliers.

Q what is a checkpoint | what are checkpoints | what is in a checkpoint | what is a model checkpoint | what does a checkpoint contain
A A checkpoint is a saved model. It holds the weights, the configuration and usually the tokenizer.
A A checkpoint is the set of files that make up a model: the weights, often in safetensors files, the config and the tokenizer.

Q what is a shard | what are shards | why is a checkpoint split into shards | why does a model have many files | what does sharded mean
A A shard is one part of a checkpoint that is split into several files. An index file says which tensor is in which shard.
A Large checkpoints are cut into shards, so that each file can be downloaded and loaded by itself.

Q what is safetensors | what is a safetensors file | what does safetensors mean | why use safetensors | is safetensors safe
A Safetensors is a simple file format for weights. A header tells the name, type, shape and place of every tensor, and then the bytes follow.
A A safetensors file holds tensors and nothing that can run, so opening it is safe. It can also be read in parts, because the header says where each tensor lies.

Q what is gguf | what does gguf mean | what is a gguf file | what is the difference between gguf and safetensors
A GGUF is a file format that llama.cpp uses. One file holds the weights, often quantized, with the tokenizer and the settings.
A GGUF keeps a whole model in one file. It has its own quantization types, such as Q4_0, Q8_0 and Q4_K.

Q what is a tensor | what are tensors | what does tensor mean
A A tensor is a block of numbers with a shape. A list is a tensor with one dimension and a table is a tensor with two.
A A tensor is an array of numbers. The weights of every layer are stored as tensors.

Q what is the kv cache | what is a kv cache | why is there a kv cache | what does the kv cache store | how big is the kv cache | what does kv cache mean
A The KV cache keeps the keys and values of earlier tokens, so that they need not be computed again. It grows with the length of the conversation.
A KV stands for keys and values. The attention layers store them for every token they have seen, which makes the next token faster and takes some memory.

Q what is attention | what does attention do | how does attention work | what is an attention layer | what is self attention
A Attention lets every token look at the earlier tokens and take what it needs from them. This is how a model uses the context.
A In attention each token compares its query with the keys of the other tokens and mixes their values. Tokens that fit well count more.

Q what is a transformer | what does a transformer do | what is a transformer model | what is the transformer architecture
A A transformer is a network made of layers with attention and feed-forward parts. Almost all language models today are transformers.
A A transformer reads a row of tokens. In each layer the tokens exchange information through attention, and then each one is processed by itself.

Q what is the llama architecture | what is llama | which architecture do you have | what kind of network are you | what is a llama model
A Llama is a family of transformer models. The architecture uses RMS norm, rotary positions and a gated feed-forward layer, and I am a very small model of that kind.
A I use the Llama architecture, only very small: 8 layers and about 7 million parameters.

Q what is an embedding | what are embeddings | what does the embedding layer do | are embeddings quantized
A An embedding turns a token into a list of numbers. Tokens with a similar use get similar lists.
A The embedding is the first layer: it looks up a vector for each token. It is usually left in 16 bits when a model is quantized.

Q what is lm_head | what is the lm head | what does the lm_head do | is the lm_head quantized | why is the head not quantized
A The head is the last layer. It turns the state of the model into a score for every token, and it is usually kept in 16 bits.
A The lm_head computes the logits. Errors there go straight into the answer, so it is normally not quantized.

Q what are logits | what is a logit | what does logits mean
A Logits are the raw scores that a model gives to every token. The softmax turns them into probabilities.
A A logit is a score for one possible next token. The higher it is, the more likely the token becomes.

Q what is softmax | what does softmax do | what does the softmax function do
A Softmax turns a list of scores into probabilities that add up to 1. Larger scores get more of the probability.

Q what is the temperature | what is temperature in a language model | what does the temperature do | what does temperature 0 mean | which temperature should I use
A The temperature decides how adventurous the answers are. At 0 the model always takes the most likely token, and with higher values it takes more chances.
A A low temperature makes answers steady and a high one makes them varied. About 0.7 is a common choice.

Q what is top p | what does top-p do | what is nucleus sampling | what does top p 0.9 mean
A Top-p keeps the most likely tokens until their probabilities add up to p, and the next token is chosen among those.
A With top-p 0.9 the model chooses among the most likely tokens that together have 90 percent of the probability.

Q what is top k | what does top-k do | what is top k sampling
A Top-k keeps only the k most likely tokens and chooses the next one among them.

Q what is min p | what does min-p do | what is min p sampling
A Min-p drops every token whose probability is smaller than a share of the most likely one. It keeps more choices when the model is unsure.

Q what is greedy decoding | what does greedy mean | what is greedy sampling
A Greedy decoding always takes the most likely token. It gives the same answer each time.

Q what is a seed | what does the seed do | why do I need a seed | what is a random seed
A A seed starts the random numbers. With the same seed, model and settings you get the same answer again.
A The seed makes chance repeatable. Two models can then be compared fairly, because both get the same random numbers.

Q what is the context length | what is a context window | how long can the context be | what does context length mean
A The context length is the number of tokens that a model can look at together. It includes your question and the answer.
A The context window is the part of the conversation that a model can see. Mine is 1024 tokens long.

Q what is prefill | what is the prefill phase | what does prefill mean | what is the difference between prefill and decode
A Prefill is the first phase: the model reads the whole prompt at once. After that it decodes, which means it writes one token after another.
A In prefill many tokens are processed together, so the speed depends on computing. In decoding each token reads all the weights, so the speed depends on memory.

Q what is decoding | what is decode speed | why is decoding slow | what limits the speed of a language model | why does a smaller file run faster | what does tokens per second mean
A For each new token the whole set of weights must be read from memory. So the speed of the memory and the size of the weights decide how fast a model writes.
A Tokens per second says how fast a model writes. A 4 bit model reads fewer bytes for each token, so it is often faster than the 16 bit one.

Q what is bf16 | what is bfloat16 | what does bf16 mean | what is the difference between bf16 and fp16
A Bfloat16 is a floating point format with 16 bits. It has the range of a 32 bit float and fewer digits.
A Both take 16 bits. Bfloat16 has 8 bits for the exponent and 7 for the fraction, float16 has 5 and 10, so bfloat16 has more range and float16 more digits.

Q what is fp32 | what is float32 | how large is a float32 | what does fp32 mean
A Float32 is the usual floating point number with 32 bits, which is 4 bytes. Models are often trained with it and stored with 16 bits.

Q what is float16 | what is fp16 | what is half precision
A Float16 is a floating point number with 16 bits: one for the sign, five for the exponent and ten for the fraction.

Q what is dequantization | what does dequantize mean | how do you dequantize | how are 4 bit weights used in a calculation
A Dequantization turns the stored codes back into numbers. The code picks a level and the level is multiplied by the absmax of the block.
A The codes are turned back into numbers while the layer is computed. Each level is multiplied by its scale, so the full weights never need to be stored.

Q what is a quantization scale | what is a scale | what does the scale do | why do we store scales
A The scale is the number that brings the rounded integers back to the size of the weights. A row or a block of weights shares one scale.
A A scale is stored for every block, so that a code can be turned back into a weight. Without it the codes would only be small integers.

Q what is a codebook | what is a quant map | what is a lookup table in quantization | what is quant_map
A A codebook is the list of values that the codes stand for. NF4 has a codebook of 16 values between -1 and 1.

Q what is clipping in quantization | what is a rounding error | why does rounding matter | what is rounding to nearest
A Rounding to nearest replaces each weight by the closest level. The error is at most half the distance between two levels.

Q what is calibration | does nf4 need calibration data | what is calibration data | do I need calibration data | is data needed to quantize
A Calibration data is sample text that some methods need to choose good scales. NF4 and absmax do not need any, because they look only at the weights.
A No. NF4 and LLM.int8 work from the weights alone. Methods such as GPTQ and AWQ use sample text.

Q what is gptq | how does gptq work | what does gptq mean
A GPTQ quantizes a layer weight by weight and corrects the remaining weights for the error. It needs some sample text.

Q what is awq | what does awq do | how does awq work
A AWQ protects the weights that matter most by scaling them before rounding. It needs some sample text to find them.

Q what other quantization methods are there | which quantization methods do you know | name some quantization methods
A There are absmax and zero point int8, LLM.int8, NF4 and FP4, which need no data. GPTQ and AWQ use sample text to choose better.

Q what is qlora | what does qlora do | what is the qlora paper about
A QLoRA trains small extra matrices on top of a 4 bit model that stays fixed. NF4 and double quantization come from that work.

Q what is lora | what does lora do | what is a lora adapter
A LoRA adds two small matrices to a layer and trains only those. The large weights stay as they are.

Q what is bitsandbytes | what does bitsandbytes do | who made nf4 popular
A Bitsandbytes is a library that made LLM.int8 and NF4 popular. Nibble writes files that it can load.

Q how big is a 7b model in 4 bit | how much memory does a 7 billion model need in 4 bit | how large is a 7b model with 4 bits
A With 4 bits a weight, 7 billion weights take about 3.5 gigabytes. Scales and the layers in 16 bits add a few hundred megabytes.

Q how big is a 7b model in 16 bit | how much memory does a 7 billion model need | how large is a 7b model
A With 16 bits a weight, 7 billion weights take 14 gigabytes. With 8 bits it is about 7, and with 4 bits about 4 gigabytes.

Q how big is a 1b model | how much memory does a 1 billion model need | how large is a 1b model in 4 bit
A A model with 1 billion weights takes 2 gigabytes with 16 bits, about 1 gigabyte with 8 bits and a little over half a gigabyte with 4 bits.

Q how do I calculate the size of a model | how do I compute the size of a quantized model | how is the file size computed | how do bits become gigabytes
A Multiply the number of weights by the bits for each weight and divide by 8 to get bytes. Then add the layers that stay in 16 bits.

Q which layers are quantized | what gets quantized in a model | are all layers quantized | which layers stay in 16 bit
A The linear layers of attention and of the feed-forward part are quantized. The embedding, the norms and the head usually stay in 16 bits.
A Mostly the large linear layers, because they hold nearly all the weights. Small parts such as the norms are left alone.

Q what is a linear layer | what does a linear layer do | what is a matrix multiplication | what is matmul
A A linear layer multiplies its input by a matrix of weights. Nearly all the weights of a language model are in linear layers.

Q what is rms norm | what does a norm layer do | what is a norm | what is rmsnorm | are norms quantized
A RMS norm divides the activations by their typical size and multiplies each channel by a learned weight. It keeps the numbers in a good range.

Q what is a channel | what is a column in a weight matrix | what is a feature channel
A A channel is one position in the list of numbers that stands for a token. An outlier channel is large for almost every token.

Q what is row-wise quantization | what is vector-wise quantization | what is per row quantization | what does row wise mean
A Row-wise quantization gives every row of the weight matrix its own scale. It is simple and works well with 8 bits.

Q what is mixed precision | what is mixed precision quantization | why use different bits for different layers
A Mixed precision gives some parts of a model more bits than others. Layers that suffer most from rounding keep more bits.

Q what is a nibble | what does nibble mean | how many bits are in a nibble | why is the app called nibble
A A nibble is half a byte, so it is 4 bits. A 4 bit weight is exactly one nibble, and that is where the name of the app comes from.
A Four bits are called a nibble. Two of them fit in a byte, which is how 4 bit weights are stored.

Q how are 4 bit weights stored | how do two weights fit in one byte | what is packing | how is nf4 packed
A Two 4 bit codes are packed into one byte. In the bitsandbytes layout the first weight goes into the high half and the second into the low half.

Q how do I measure that | how can I measure the loss | how do I see the difference | how do I find out | how do I measure the quality of a quantized model | how can I compare two models | how do I see what 4 bit loses | how do I know if quantization hurt my model | how do I test a quantized model | what should I measure after quantization
A Give both models the same prompt with the same seed and look where they part. Then measure perplexity and KL divergence on the same text.
A Measure the perplexity of both on one text, and compare their next-token probabilities with KL divergence. A single answer proves little.

Q why do the answers differ after quantization | why does the 4 bit model answer differently | why do two quantized models give different answers
A Rounding changes the scores of the tokens a little. When two tokens are nearly equal, the other one may win, and from there the texts part.

Q can I undo quantization | is quantization reversible | can I get the original weights back | can a quantized model be restored
A No. Rounding throws information away, so you need the original checkpoint to get the exact weights back.
A You can turn the codes back into numbers, but only into rounded ones. Keep the original checkpoint if you need it.

Q is quantization compression | is quantization lossy | is quantization like zip | what is the difference between quantization and compression
A Quantization is a lossy kind of compression. Unlike a zip file, it does not bring back exactly what went in.

Q what is pruning | what is the difference between pruning and quantization | what is distillation
A Pruning removes weights, and quantization keeps them with fewer bits. Distillation trains a small model to imitate a large one.

Q what is training | what is the difference between training and inference | what is inference
A Training finds the weights from examples. Inference uses the finished weights to answer, and then the weights do not change any more.
A A model is trained once: its weights are changed until they fit the examples. Running the finished model is called inference.

Q what is a gpu | what does a gpu do | do I need a gpu to quantize | can I quantize without a gpu | do I need a graphics card
A A GPU does many calculations at the same time, which suits language models. You do not need one to quantize with Nibble: a processor is enough.
A No, you do not need a graphics card. Quantizing looks at each weight once, and a normal processor does that quickly.

Q how long does quantization take | is quantization slow | how fast is quantization
A It takes about as long as reading the file, because each weight is looked at only once. A small model is done in a moment.

Q what is memory bandwidth | why does memory speed matter | what does memory bandwidth mean
A Memory bandwidth is the number of bytes that can be read in a second. It sets the speed of writing tokens, because every token reads all the weights.

Q what is grouped query attention | what is gqa | what does gqa mean
A In grouped query attention several query heads share one pair of key and value heads. This makes the KV cache smaller.

Q what is rope | what are rotary embeddings | how does a model know the position of a token
A Rotary embeddings turn the queries and keys by an angle that depends on the position. So attention can tell how far apart two tokens are.

Q what is a chat template | why does a model need a chat template | what does a chat template do
A A chat template says how messages are written for the model, with special tokens for the user and the assistant. The wrong template gives poor answers.

Q what is an eos token | what is the end of sequence token | how does a model know when to stop
A The model writes a special end token when its answer is complete. The program sees it and stops.

Q what is a system prompt | what does a system prompt do | what is a system message
A A system prompt is a message before the conversation that tells the model how to behave. Small models like me follow it only a little.

Q what is a prompt | what does prompt mean | what is a good prompt
A A prompt is the text that you give to a model. A clear and short prompt works best for a small model.

Q what is hallucination | do you hallucinate | why do models make things up | what does hallucination mean
A A model hallucinates when it writes something that sounds right but is not true. It predicts likely text and does not look facts up.

Q what is hugging face | what is the hub | where do models come from | where can I find models | where do I get a model
A Hugging Face runs a hub where people share models and data. Nibble can search it and download checkpoints from there.

Q what is onnx | what is onnx runtime | what does onnx mean
A ONNX is a format for the graph of a network. ONNX Runtime is a program library that runs such graphs on many kinds of machines.

Q what is a kernel | what is a kernel in computing | what does a kernel do
A In this field a kernel is a small, fast piece of code for one job, such as multiplying a matrix. A good kernel uses the special instructions of the processor.

Q what is llama.cpp | what does llama.cpp do
A Llama.cpp is a program that runs language models on ordinary computers. It reads GGUF files.

Q what is a commit hash | what is a sha256 hash | why are downloads checked with a hash | what is a checksum
A A hash is a short number computed from a file. If one byte of the file changes, the hash changes too, so it shows whether a download is complete and right.

Q what does quantization aware training mean | what is qat | what is post training quantization | what is ptq
A Post-training quantization rounds a finished model. Quantization aware training lets the model feel the rounding while it learns.

Q why does 4 bit work at all | why can 16 values be enough | how can 4 bits be enough
A Each block has its own scale, and the errors of many weights mostly cancel when they are added. So 16 levels for each weight are enough for good answers.

Q what is a data type | what is dtype | what does dtype mean
A A data type says how a number is stored: how many bits it has and what they mean. Bfloat16, float16 and int8 are data types.

Q what is the exponent and the fraction | how does a floating point number work | what is floating point | what is a float
A A floating point number has a sign, an exponent for its size and a fraction for its digits. More exponent bits give more range and more fraction bits give more precision.

Q what is precision | what is the precision of a number | what does lower precision mean
A Precision says how finely numbers can be told apart. Lower precision means fewer bits and larger rounding steps.

Q what is int4 | what is 4 bit integer quantization | what is the difference between int4 and nf4 | how does int4 work
A Int4 has 16 levels with equal distances. NF4 also has 16 levels, but they are closer together near zero, where most weights are.

Q what is q4_0 | what does q4_0 mean | how does q4_0 work
A Q4_0 is a GGUF type: 32 weights share a 16 bit scale and each weight is a 4 bit integer, so a weight takes 4.5 bits.

Q what is q8_0 | what does q8_0 mean
A Q8_0 is a GGUF type: 32 weights share a 16 bit scale and each weight is an 8 bit integer, so a weight takes 8.5 bits.

Q what is a zero block | what is the tail of a block | what happens when a tensor does not divide into blocks
A If the size of a tensor is not a multiple of the block size, the last block is shorter. It still gets its own absmax.

Q what happens if one weight is very large | why is a large weight bad for a block | what does a big weight do to its block
A A very large weight makes the absmax of its block large. The other weights of that block are then rounded to only a few levels.
A It takes up the range of the block. The scale grows, and the small weights lose precision.

Q how much memory does nibble need | will a model fit in my memory | how do I know if a model fits
A Add the size of the weights and the KV cache and leave some room for the rest. Nibble shows the size of every scheme before you download anything.

Q what can nibble do | what does nibble do | what is the nibble app | what is nibble for
A Nibble downloads language models, quantizes them on your computer and lets you chat with them. It also shows what the 4 bit version loses against the 8 bit one.
A Nibble is a desktop app for quantizing language models yourself. You can choose NF4, FP4 or int8, compare the results and chat with them.

Q how can I run a big model on a small computer | how do I run a large model on my laptop | how can I run a big model with little memory | my model does not fit in memory | I do not have enough memory for this model | how do I make a model smaller | how can I save memory
A Quantize it. With 4 bits a model needs about a quarter of the memory of the 16 bit version, so a much larger one fits on your computer.
A Take a smaller model or fewer bits. NF4 with double quantization needs only about 4.13 bits for each quantized weight.

Q which scheme should I choose | which quantization should I use | what is the best quantization | which quantization is best | what do you recommend | which format should I choose | which is the best scheme
A If it fits in your memory, take LLM.int8, which is nearly as good as 16 bits. If it does not, take NF4 with double quantization.
A For quality choose 8 bits, for a small size choose NF4. Compare both with your own text before you decide.

Q how do I quantize a model | how can I quantize a model in nibble | how do I use nibble | how do I start | how do I make a 4 bit model
A Choose a model, choose a scheme such as NF4 or LLM.int8, and start. Nibble downloads the checkpoint, quantizes it on your computer and adds it to the catalog.

Q what is the difference between nf4 and int8 | is nf4 better than int8 | nf4 or int8 | compare nf4 and int8 | should I use nf4 or int8
A NF4 uses 4 bits and int8 uses 8. NF4 is about half as large, and int8 is closer to the original.
A Int8 has 256 equally spaced levels for each row, NF4 has 16 uneven levels for each block of 64. Int8 is more accurate and NF4 is smaller.

Q what is the difference between llm.int8 and int8 | is llm.int8 better than absmax int8 | why not just use int8
A Plain int8 rounds every column, also the outliers. LLM.int8 keeps the outlier columns in 16 bits, so large activations do not spoil the others.

Q is 4 bit much worse than 8 bit | is 4 bit good enough | are 4 bits enough | can I use 4 bit | is 8 bit good enough | is 8 bit lossless
A 8 bits are almost as good as 16. With 4 bits most answers stay good, but the perplexity rises a little.
A For chatting 4 bits are often good enough. If every detail counts, take 8 bits.

Q what is a model | what is an ai model | what is a neural network weight file | what is an artifact in nibble
A A model is a network with learned weights. On disk it is a folder with the weights, a configuration and a tokenizer.

Q what is a config file | what is config.json | what does config.json contain
A The file config.json describes the shape of the model: how many layers it has, how wide they are, and which architecture it is.

Q what is a catalog | what does the catalog of nibble show | where are my models
A The catalog lists the models that you have made, with their size, their scheme and the measured error.

Q what is root mean square error | what is rmse | how is the error of a tensor measured | what is the relative error of a layer
A The root mean square error is the typical distance between the old and the rounded weights. Divided by the typical size of the weights it gives the relative error.

Q how large is the error of nf4 | how big is the error of int8 | how accurate is nf4
A For normally distributed weights the relative error of NF4 with blocks of 64 is about 9 percent, and that of int8 rows is below 1 percent.
""")
