@echo off
rem Starts the plugin with OPENCOMPUTER_PYTHON, the newest Python of the py launcher, or the python on PATH.
rem It uses none of that Python's packages: everything that it imports is in lib, next to this file.
setlocal
if defined OPENCOMPUTER_PYTHON (
  "%OPENCOMPUTER_PYTHON%" -IS "%~dp0start.py" %*
  exit /b
)
where /q py
if not errorlevel 1 (
  py -3 -IS "%~dp0start.py" %*
  exit /b
)
python -IS "%~dp0start.py" %*
