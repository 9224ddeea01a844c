using System.Runtime.InteropServices;

namespace Mcp.Confinement.Walls;

/// <summary>
/// The first of a confined child's two lives. Landlock and the call filter bind only the thread that asks for them and what that thread executes later; the runtime has
/// started others by now, which would stay free. So this life touches no file of the job: it raises the walls on its own thread and executes the program again, and in
/// the second life every thread is born behind them.
/// <para>
/// 1 limits → 2 a network of its own, while the power for it is there → 3 powers dropped (with effect from execve on) → 4 no new privileges → 5 Landlock →
/// 6 the call filter, last, since it denies some of the calls before it → 7 execve. Descriptors need no care here: whoever started us handed over only the three.
/// </para>
/// What the kernel does not have is told to the second life, which says so when asked; what it has and refuses ends the child here, before the first file.
/// </summary>
internal static unsafe partial class FirstStage
{
    /// <summary>The exit code of a child whose walls could not be raised.</summary>
    public const int NotConfined = 70;

    /// <summary>Raises the walls and executes the second stage; returns only when that failed.</summary>
    public static int Run(string[] arguments)
    {
        try
        {
            var folders = WallPlan.Parse(arguments);
            ProcessLimits.Lower(folders);
            var network = ProcessLimits.TryLeaveNetwork();
            ProcessLimits.DropPowers();
            ProcessLimits.GainNothing();
            using var landlock = Landlock.Create();
            if (landlock is not null)
            {
                AllowRuntime(landlock);
                foreach (var folder in folders.Reading)
                    landlock.AllowReading(folder);
                foreach (var folder in folders.Writing)
                    landlock.AllowWriting(folder);
                landlock.Enforce();
            }
            CallFilter.Raise();
            var standing = new StandingWalls(landlock?.Version ?? 0, network);
            Execute([Environment.GetCommandLineArgs()[0], WallPlan.SecondVerb, standing.ToText()], EnvironmentOf(folders));
            throw WallException.Last("execve");
        }
        catch (Exception e) when (e is WallException or FormatException or OverflowException or IOException)
        {
            Console.Error.WriteLine($"the walls could not be raised: {e.Message}");
            return NotConfined;
        }
    }

    // What the program itself needs to start: its own file, what the C library and the collector ask of the kernel about this process and machine. In /proc
    // only our own folder (other processes' secrets are refused by Landlock's ptrace rule in any case).
    private static void AllowRuntime(Landlock landlock)
    {
        landlock.AllowExecuting("/proc/self/exe");
        foreach (var path in (string[])["/proc/self", "/proc/meminfo", "/sys/fs/cgroup", "/sys/devices/system", "/dev/urandom", "/dev/null"])
            landlock.AllowReadingIfThere(path);
        if (!ConfinedProgram.OrdinaryBuild)
            return;
        // A development build is many files. Its runtime lies three folders above the library: shared/Microsoft.NETCore.App/<version>/.
        foreach (var path in (string[])[AppContext.BaseDirectory, Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "../../.."), "/usr/lib", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/dotnet", "/proc"])
            landlock.AllowReadingIfThere(path, executing: true);
    }

    // Nothing of ours but what steers the runtime and SQLite.
    private static List<string> EnvironmentOf(ConfinedFolders folders)
    {
        List<string> environment =
        [
            "DOTNET_EnableDiagnostics=0", // sockets and files in /tmp, which are denied
            "DOTNET_GCgen0size=400000",   // 4 MiB (hex): short-lived buffers are collected early, resident memory stays flat
            "DOTNET_TieredPGO=0",
        ];
        if (folders.Writing is [var staging, ..])
            environment.Add($"SQLITE_TMPDIR={staging}");
        if (Environment.GetEnvironmentVariable("DOTNET_ROOT") is { } root)
            environment.Add($"DOTNET_ROOT={root}");
        return environment;
    }

    private static void Execute(IReadOnlyList<string> arguments, IReadOnlyList<string> environment)
    {
        var program = Marshal.StringToCoTaskMemUTF8("/proc/self/exe");
        nint[] argv = [.. arguments.Select(Marshal.StringToCoTaskMemUTF8), 0], envp = [.. environment.Select(Marshal.StringToCoTaskMemUTF8), 0];
        fixed (nint* argvPointer = argv, envpPointer = envp)
            _ = ExecuteProgram(program, argvPointer, envpPointer);
    }

    [LibraryImport("libc", EntryPoint = "execve", SetLastError = true)]
    private static partial int ExecuteProgram(nint path, nint* argv, nint* envp);
}
