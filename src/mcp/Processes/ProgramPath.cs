namespace Mcp.Processes;

/// <summary>Where a program lies that is named by a path or by a bare name.</summary>
internal static class ProgramPath
{
    private const string UsualFolders = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

    /// <summary>The full path of <paramref name="program"/>, which is a path or is looked up in PATH; null when nothing executable is there.</summary>
    public static string? Find(string program)
    {
        var path = Environment.GetEnvironmentVariable("PATH") ?? UsualFolders;
        IEnumerable<string> candidates = program.Contains('/')
            ? [Path.GetFullPath(program)]
            : path.Split(':').Where(Path.IsPathRooted).Select(folder => Path.Combine(folder, program));
        return candidates.FirstOrDefault(IsExecutable);
    }

    private static bool IsExecutable(string path) =>
        File.Exists(path) && (File.GetUnixFileMode(path) & (UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute)) != 0;
}
