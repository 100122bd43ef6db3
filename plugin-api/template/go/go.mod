module example.com/my_validator

go 1.19
