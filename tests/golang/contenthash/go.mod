module contenthash

go 1.21
