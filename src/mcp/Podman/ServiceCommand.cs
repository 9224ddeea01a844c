using System.Collections;
using Mcp.Errors;
using Mcp.Text;

namespace Mcp.Podman;

/// <summary>What <c>podman system service</c> is started with, and what it said.</summary>
internal static class ServiceCommand
{
    /// <summary>The full path of a program named by path or looked up in PATH.</summary>
    /// <exception cref="McpException">There is none.</exception>
    public static string FindProgram(string program)
    {
        var path = System.Environment.GetEnvironmentVariable("PATH") ?? "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
        IEnumerable<string> candidates = program.Contains('/') ? [Path.GetFullPath(program)] : path.Split(':').Where(Path.IsPathRooted).Select(folder => Path.Combine(folder, program));
        return candidates.FirstOrDefault(IsExecutable)
            ?? throw new McpException(FaultCode.FailedPrecondition, $"{program} is not installed on this host") { Hint = "apt-get install podman (or dnf install podman); podman 4.0 or later" };
    }

    /// <summary>
    /// Our environment without what systemd gave to us alone (a child that writes to our NOTIFY_SOCKET speaks for us) and without what would make
    /// podman talk to another podman instead of being one.
    /// </summary>
    /// <param name="added">Variables on top.</param>
    public static IEnumerable<KeyValuePair<string, string>> Environment(IReadOnlyDictionary<string, string> added)
    {
        var environment = new Dictionary<string, string>();
        foreach (DictionaryEntry variable in System.Environment.GetEnvironmentVariables())
        {
            var name = (string)variable.Key;
            if (name is "NOTIFY_SOCKET" or "CONTAINER_HOST" or "CONTAINER_CONNECTION" or "CONTAINER_SSHKEY"
                || name.StartsWith("WATCHDOG_", StringComparison.Ordinal) || name.StartsWith("LISTEN_", StringComparison.Ordinal))
            {
                continue;
            }
            environment[name] = (string?)variable.Value ?? "";
        }
        foreach (var (name, value) in added)
            environment[name] = value;
        return environment;
    }

    /// <summary>The end of what it printed, printable; null when there is nothing.</summary>
    public static string? LastWords(string outputFile)
    {
        try
        {
            using var file = new FileStream(outputFile, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            file.Seek(-Math.Min(file.Length, 1000), SeekOrigin.End);
            using var reader = new StreamReader(file);
            var words = Printable.Line(reader.ReadToEnd().Trim().Replace('\n', ' '));
            return words.Length > 0 ? words : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>Empties the file of its output once it is larger than a megabyte.</summary>
    public static void Bound(string outputFile, int limit = 1024 * 1024)
    {
        try
        {
            using var file = new FileStream(outputFile, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
            if (file.Length > limit)
                file.SetLength(0);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Removed or not ours: nothing that grows, or nothing to be done about it.
        }
    }

    private static bool IsExecutable(string path) =>
        File.Exists(path) && (File.GetUnixFileMode(path) & (UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute)) != 0;
}
