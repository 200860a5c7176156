@echo off
rem Starts pt-adapter on Windows, for shadowsocks-windows, on the Java of PT_ADAPTER_JAVA, JAVA_HOME or
rem PATH, which must be 25 or newer. The counterpart of the launcher pt-adapter beside it, where the
rem options of Java are explained. UNTESTED: nobody has run it yet.
rem
rem The transport's program must be one for Windows: name it with exec=, and a folder with state=.
setlocal

set "java=java"
if defined JAVA_HOME set "java=%JAVA_HOME%\bin\java.exe"
if defined PT_ADAPTER_JAVA set "java=%PT_ADAPTER_JAVA%"

rem These are meant for other Java programs of the user.
set "JAVA_TOOL_OPTIONS="
set "JDK_JAVA_OPTIONS="
set "_JAVA_OPTIONS="
set "CLASSPATH="

set "home=%~dp0.."
set "classpath_of_all=%home%\lib\*"
set "main=Main"
if "%~1"=="" goto start
if defined SS_LOCAL_HOST goto start
if defined SS_LOCAL_PORT goto start
if defined SS_REMOTE_HOST goto start
if defined SS_REMOTE_PORT goto start
set "main=cli.Cli"
set "classpath_of_all=%classpath_of_all%;%home%\lib\cli\*"

:start
"%java%" -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:+UseCompactObjectHeaders ^
  -Xms8m -Xmx64m -Xmn5m -XX:SurvivorRatio=2 -XX:MaxDirectMemorySize=512m -Xss256k ^
  -XX:-UsePerfData -XX:ErrorFile=NUL -XX:-CreateCoredumpOnCrash ^
  --sun-misc-unsafe-memory-access=allow -Dio.netty.jfr.enabled=false ^
  -Dio.netty.machineId=00:00:00:00:00:01 ^
  "-Dpt-adapter.home=%home%" %PT_ADAPTER_JAVA_OPTS% ^
  -cp "%classpath_of_all%" "io.github.ptadapter.adapter.%main%" %*
