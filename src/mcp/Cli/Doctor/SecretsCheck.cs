using Mcp.Errors;
using Mcp.Files;

namespace Mcp.Cli.Doctor;

/// <summary>Folders and files that hold keys, logins or databases: nobody but their owner may enter or read them.</summary>
internal sealed class SecretsCheck() : DoctorCheck("secrets")
{
    private const UnixFileMode Others =
        UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute;

    /// <inheritdoc/>
    public override Task<IReadOnlyList<DoctorLine>> LookAsync(DoctorScene scene, CancellationToken cancel)
    {
        var (folders, files) = Places(scene);
        List<DoctorLine> lines = [.. folders.Distinct().Select(Folder).OfType<DoctorLine>(), .. files.Distinct().Select(Secret).OfType<DoctorLine>()];
        if (lines.Count == 0 && (folders.Count > 0 || files.Count > 0))
            lines.Add(Ok($"{folders.Distinct().Count(Directory.Exists)} folders and {files.Distinct().Count(File.Exists)} files are their owner's alone"));
        return Task.FromResult<IReadOnlyList<DoctorLine>>(lines);
    }

    private static (List<string> Folders, List<string> Files) Places(DoctorScene scene)
    {
        var (folders, files) = (new List<string>(), new List<string>());
        if (scene.Operator is { } human)
        {
            folders.Add(human.Folder.Path);
            files.Add(human.CredentialFile);
        }
        if (scene.Agent is { } agent)
        {
            folders.AddRange([agent.Home, Path.GetDirectoryName(agent.TlsKey)!]);
            files.AddRange([agent.TlsKey, agent.OwnerKey, agent.Database]);
            if (agent.AuthFile is { } logins)
                files.Add(logins);
        }
        if (scene.Master is { } master)
        {
            folders.AddRange([master.Home, Path.GetDirectoryName(master.TlsCertificate)!, master.CaFolder]);
            files.AddRange([master.TlsCertificate, master.Database]);
            if (Directory.Exists(master.CaFolder) && FileFacts.CanEnter(master.CaFolder))
                files.AddRange(Directory.EnumerateFiles(master.CaFolder, "*.pem").Order(StringComparer.Ordinal));
        }
        return (folders, files);
    }

    private DoctorLine? Folder(string path)
    {
        if (FileFacts.Of(path) is not { } facts || (facts.Mode & Others) == 0)
            return null;
        return Error($"the folder {path} has mode 0{Convert.ToString((int)facts.Mode, 8)}; others could enter it", $"chmod 0700 {path}");
    }

    private DoctorLine? Secret(string path)
    {
        if (!File.Exists(path))
            return null;
        try
        {
            // A database has no limit in size, unlike the secrets that are read whole.
            if (new FileInfo(path).Length < 1024 * 1024)
                SecretFile.Check(path);
            else if (FileFacts.Of(path) is { } facts && (facts.Mode & Others) != 0)
                return Error($"the file {path} has mode 0{Convert.ToString((int)facts.Mode, 8)}; others could read it", $"chmod 0600 {path}");
            return null;
        }
        catch (McpException e)
        {
            return Error(e, $"chmod 0600 {path}");
        }
    }
}
