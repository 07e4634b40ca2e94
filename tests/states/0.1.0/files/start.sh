#!/bin/sh
exec cat /workspace/app/greeting.txt
