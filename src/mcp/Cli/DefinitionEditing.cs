using System.Diagnostics;
using Mcp.Definitions;
using Mcp.Errors;
using Mcp.Files;
using Mcp.Text;

namespace Mcp.Cli;

/// <summary>
/// Editing a definition: 1 a copy beside the file, for this user alone; 2 the editor; 3 the copy is read as a deploy would read it; with
/// mistakes the operator is told all of them and asked whether to go back to the editor; 4 only a good one replaces the file, in one rename.
/// The definition is never half edited, whatever happens to the editor or the terminal.
/// </summary>
internal sealed class DefinitionEditing(CommandContext context)
{
    /// <summary>Edits the definition of <paramref name="service"/> in <paramref name="path"/>.</summary>
    /// <returns>Whether the file was changed.</returns>
    /// <exception cref="McpException">The editor failed, the file changed meanwhile, or the operator gave up; the file is as it was.</exception>
    public async Task<bool> RunAsync(string path, string service, CancellationToken cancel)
    {
        var before = await File.ReadAllBytesAsync(path, cancel);
        var mode = File.GetUnixFileMode(path);
        // In the same folder, and of the same kind, so that the editor knows what it is; the leading dot keeps it from being taken for a definition.
        var copy = Path.Combine(Path.GetDirectoryName(Path.GetFullPath(path))!, $".{service}.{Guid.NewGuid():N}.edit.toml");
        DurableFile.Write(copy, before, DurableFile.Secret);
        try
        {
            while (true)
            {
                await OpenEditorAsync(copy, cancel);
                var after = await File.ReadAllBytesAsync(copy, cancel);
                if (after.AsSpan().SequenceEqual(before))
                    return false;
                if (!IsGood(copy, path, service))
                {
                    if (!AskAgain())
                        throw new McpException(FaultCode.Aborted, $"{path} is as it was; what you wrote was dropped");
                    continue;
                }
                if (!(await File.ReadAllBytesAsync(path, cancel)).AsSpan().SequenceEqual(before))
                    throw new McpException(FaultCode.Aborted, $"{path} was changed by somebody else while you edited it; it was left alone") { Hint = $"mcp service edit {service}" };
                DurableFile.Write(path, after, mode);
                return true;
            }
        }
        finally
        {
            File.Delete(copy);
        }
    }

    private async Task OpenEditorAsync(string copy, CancellationToken cancel)
    {
        var editor = context.Variable("VISUAL") ?? context.Variable("EDITOR") ?? "vi";
        // An editor may have arguments ("code --wait"); nothing goes through a shell.
        var words = editor.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        try
        {
            using var process = Process.Start(new ProcessStartInfo(words[0], [.. words.Skip(1), copy]) { UseShellExecute = false })!;
            await process.WaitForExitAsync(cancel);
            if (process.ExitCode != 0)
                throw new McpException(FaultCode.Aborted, $"the editor '{Printable.Line(editor, 80)}' ended with {process.ExitCode}; the definition is as it was");
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            throw new McpException(FaultCode.FailedPrecondition, $"the editor '{Printable.Line(editor, 80)}' could not be started", e) { Cause = e.Message, Hint = "EDITOR=nano mcp service edit <service>" };
        }
    }

    private bool IsGood(string copy, string path, string service)
    {
        var result = DefinitionReader.ReadFile(copy);
        if (result.Spec is { } spec && spec.Name == service)
        {
            foreach (var warning in result.Warnings)
                context.Reporter.Warning(warning.ToString().Replace(copy, path, StringComparison.Ordinal));
            return true;
        }
        context.Reporter.Error(new McpException(FaultCode.InvalidArgument, result.Spec is null ? $"the definition has {result.Problems.Count} mistake{(result.Problems.Count == 1 ? "" : "s")}" : $"the definition's name is '{result.Spec.Name}', not '{service}'")
        {
            Problems = [.. result.Problems.Select(p => p with { File = path })],
        });
        return false;
    }

    private bool AskAgain()
    {
        context.Error.Write("Back to the editor? [Y/n] ");
        context.Error.Flush();
        return context.In.ReadLine()?.Trim() is "" or "y" or "Y" or "yes";
    }
}
