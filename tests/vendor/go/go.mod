module example.com/vendor_go

go 1.19
