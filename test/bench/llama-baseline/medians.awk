# The medians over all rounds of what cuda_check and llama_baseline print.
/^[a-z0-9-]+: made|^llama\.cpp, / { model = $0; sub(/: made.*|, [0-9.]+ GB$/, "", model) }
/ tok\/s/ {
  colon = index($0, ":")
  key = model ": " substr($0, 1, colon - 1)
  if (!(key in count)) order[++keys] = key
  value[key, ++count[key]] = substr($0, colon + 1) + 0
}
END {
  for (k = 1; k <= keys; ++k) {
    key = order[k]
    n = count[key]
    for (i = 2; i <= n; ++i)
      for (j = i; j > 1 && value[key, j] < value[key, j - 1]; --j) {
        swap = value[key, j]; value[key, j] = value[key, j - 1]; value[key, j - 1] = swap
      }
    printf "%s: median %.1f tok/s of %d (%.1f to %.1f)\n", key, value[key, int((n + 1) / 2)], n, value[key, 1], value[key, n]
  }
}
